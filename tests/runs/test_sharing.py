"""A run to pass on: half the bytes, the same answers, and a card that says what it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.torch import load_file

import bossline
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.runs.run import Run
from bossline.runs.sharing import share
from bossline.training.contents import RECIPE, SMOOTHING, WEIGHTS


@pytest.fixture
def run(toy: Corpus, tmp_path: Path) -> Run:
    overrides = ["epochs=1", "model.width=16", "batches.size=4096", "smoothing={kind: viterbi}"]
    return bossline.train("phoneme/medium", toy, overrides, run=tmp_path / "run")


def test_what_is_passed_on_answers_as_the_run_does(run: Run, tmp_path: Path) -> None:
    remarks = tmp_path / "remarks.md"
    remarks.write_text("Hears **tones** only.\n")
    folder = share(run, tmp_path / "tones", licence="CC BY 4.0", remarks=remarks)
    assert {file.name for file in folder.iterdir()} == {
        "README.md", "best.safetensors", "recipe.yaml", "run.json", "scores.json",
        "smoothing.safetensors", "alignment.safetensors",
    }  # fmt: skip
    halved, whole = load_file(folder / WEIGHTS), load_file(run.path / WEIGHTS)
    for name, tensor in whole.items():
        assert (halved[name].float() - tensor).abs().max() <= 1e-3 * tensor.abs().max() + 1e-7
    assert (folder / SMOOTHING).read_bytes() == (run.path / SMOOTHING).read_bytes()
    frames = np.random.default_rng(0).standard_normal((80, run.features.dim)).astype(np.float32)
    ours, theirs = (bossline.load(path).predict(frames)[0] for path in (run.path, folder))
    np.testing.assert_allclose(theirs.outputs, ours.outputs, atol=0.01)
    assert Run(folder).scores == run.scores
    card = (folder / "README.md").read_text()
    head = yaml.safe_load(card.split("---")[1])
    assert head == {"license": "cc-by-4.0", "library_name": "bossline"}
    assert "Hears **tones** only." in card
    assert f"| test | {run.scores['test'].score} |" in card


def test_one_goes_on_from_what_was_passed_on(run: Run, toy: Corpus, tmp_path: Path) -> None:
    folder = share(run, tmp_path / "tones")
    further = bossline.train(None, None, ["epochs=1"], from_run=folder, run=tmp_path / "further")
    assert further.info.origins[0].new == ()


def test_what_cannot_be_passed_on_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        share(run, tmp_path / "a", remarks=tmp_path / "none.md")
    assert not (tmp_path / "a").exists()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine").write_text("kept")
    with pytest.raises(UserError):
        share(run, tmp_path / "b")
    assert (tmp_path / "b" / "mine").read_text() == "kept"
    run.update(state="training")
    with pytest.raises(UserError, match="not finished"):
        share(Run(run.path), tmp_path / "c")
    assert (run.path / RECIPE).exists()
