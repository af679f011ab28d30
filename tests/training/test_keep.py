"""Which weights a run keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from bossline import api
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.recipes import load_recipe
from bossline.reports.page import write_report
from bossline.runs.run import Run

# So fast that validation is best in an epoch before the last.
SMALL = ("epochs=4", "batches.size=64", "model.width=8", "optimiser={kind: sgd, lr: 30}")


def train(run: str, *overrides: str) -> Run:
    return api.train(
        "phoneme/simple", "toy", [*SMALL, *overrides], run=run, device="cpu", threads=1,
        console=Console(quiet=True),
    )  # fmt: skip


def steps_per_epoch(run: Run) -> int:
    steps = [row["step"] for row in run.metrics() if row["kind"] == "epoch"]
    assert steps == [steps[0] * epoch for epoch in range(1, 5)]
    return int(steps[0])


def of_step(run: Run, step: int) -> bytes:
    return (run.path / f"weights-{step:08d}.safetensors").read_bytes()


def test_the_best_and_the_last(toy: Corpus) -> None:
    every = steps_per_epoch(train("runs/plain"))
    best = train("runs/best", f"keep_every={every}")
    last = train("runs/last", f"keep_every={every}", "keep=last")
    assert best.info.best_epoch is not None
    assert best.info.best_epoch < 4
    assert best.best_weights.read_bytes() == of_step(best, best.info.best_epoch * every)
    assert (last.info.kept, last.info.best_epoch) == ("last epoch", None)
    assert last.best_weights.read_bytes() == of_step(last, 4 * every) == of_step(best, 4 * every)
    told = [row["best"] for row in last.metrics() if row["kind"] == "epoch"]
    assert told[best.info.best_epoch - 1]
    assert set(last.scores) == {"validation", "test"}
    assert last.scores["test"] != best.scores["test"]
    page = write_report([last], Path("report.html")).read_text(encoding="utf-8")
    assert "The weights are those of the last epoch (keep=last)" in page


def test_weights_of_steps_are_known_by_their_checksums(toy: Corpus) -> None:
    run = train("runs/a", "keep_every=5", "averaging={kind: ema, decay: 0.5}")
    files = sorted(run.path.glob("weights-*.safetensors"))
    assert [int(file.stem.removeprefix("weights-")) for file in files] == [
        step for step in range(1, 4 * steps_per_epoch(run) + 1) if step % 5 == 0
    ]
    assert run.tensors(files[0].name) is not None
    files[0].write_bytes(files[1].read_bytes())
    with pytest.raises(UserError, match="is not what the run wrote"):
        Run(run.path).tensors(files[0].name)


def test_a_fitted_model_has_no_steps() -> None:
    with pytest.raises(UserError, match="is fitted without gradient steps: leave out keep_every"):
        load_recipe("covid/floor", ["keep_every=5"])
