"""The mean of two runs' weights is a run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import bossline
from benchmarks.averaged import averaged
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.runs.run import Run
from bossline.training.contents import WEIGHTS

SMALL = ["epochs=1", "model.width=8", "batches.size=4096"]


def test_two_runs_become_one_that_is_scored(toy: Corpus, tmp_path: Path) -> None:
    one, other, wider = (
        bossline.train("phoneme/medium", toy, [*SMALL[:1], *overrides], run=tmp_path / name)
        for name, overrides in (
            ("one", [*SMALL[1:], "seed=1"]),
            ("other", [*SMALL[1:], "seed=2"]),
            ("wider", ["model.width=9", SMALL[2]]),
        )
    )
    both = averaged(one.path, other.path, 0.25, tmp_path / "both")
    mine, theirs, mean = (load_file(run.path / WEIGHTS) for run in (one, other, both))
    for name, weight in mean.items():
        if weight.is_floating_point():
            torch.testing.assert_close(weight, 0.75 * mine[name] + 0.25 * theirs[name])
    before = both.scores["test"].score
    assert bossline.evaluate(both)["test"].score != before
    assert Run(both.path).scores["test"].score != before
    with pytest.raises(UserError, match="different models"):
        averaged(one.path, wider.path, 0.5, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    with pytest.raises(UserError, match="there already"):
        averaged(one.path, other.path, 0.5, tmp_path / "both")
