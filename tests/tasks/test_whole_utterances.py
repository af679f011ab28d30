"""A model of whole utterances goes the same way as a model of windows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from bossline import api
from bossline.data.packed import Corpus
from bossline.runs import engine
from bossline.training.signals import Interrupted
from tests.conftest import frame_labels_of

SMALL = (
    "epochs=4",
    "batches.size=100",
    "model.encoder.width=8",
    "model.encoder.depth=1",
    "model.encoder.front_width=8",
    "optimiser.lr=2e-2",
    "precision=float32",
)


def test_trained_scored_predicted_and_submitted(toy: Corpus, tmp_path: Path) -> None:
    run = api.train(
        "phoneme/boss-small", "toy", SMALL, device="cpu", threads=1, console=Console(quiet=True)
    )
    scores = run.scores["test"]
    assert scores.score.value > 0.6  # five classes: chance is about 0.2
    predictions = {p.id: p for p in api.predict(run, "test", device="cpu")}
    right = [
        int((frame_labels_of(predictions[id]) == toy.frame_labels(toy.ids.index(id))).sum())
        for id in scores.ids
    ]
    assert right == list(scores.sums)

    # Alone an utterance gets what it got in a batch of others.
    name = scores.ids[0]
    np.save(tmp_path / "alone.npy", toy.frames(toy.ids.index(name)))
    (alone,) = api.predict(run, tmp_path / "alone.npy", device="cpu")
    np.testing.assert_allclose(alone.outputs, predictions[name].outputs, atol=1e-5)
    unlabelled = int(toy.lengths[~toy.labelled].sum())
    assert api.submit(run, tmp_path / "p.csv", device="cpu") == unlabelled


def test_resuming_is_exact_here_too(toy: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*arguments: object) -> None:
        raise KeyboardInterrupt

    whole = api.train(
        "phoneme/boss-small", "toy", SMALL, run="runs/whole", device="cpu", threads=1,
        console=Console(quiet=True),
    )  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(engine, "_score", crash)
        with pytest.raises(Interrupted, match="while scoring"):
            api.train(
                "phoneme/boss-small", "toy", SMALL, run="runs/cut", device="cpu", threads=1,
                console=Console(quiet=True),
            )  # fmt: skip
    resumed = api.resume("runs/cut", console=Console(quiet=True))
    assert resumed.best_weights.read_bytes() == whole.best_weights.read_bytes()


def test_a_long_recording_is_cut_and_hears_what_it_would_hear_whole(
    toy: Corpus, tmp_path: Path
) -> None:
    """Of an encoder that sees less than the context of a piece, every answer is the same."""
    overrides = (*SMALL[:2], "precision=float32", 'model.encoder={"kind": "tdnn", "width": 8}')
    run = api.train(
        "phoneme/boss-small", "toy", overrides, device="cpu", threads=1,
        console=Console(quiet=True),
    )  # fmt: skip
    np.save(tmp_path / "long.npy", np.random.default_rng(0).normal(size=(2000, 6)))
    (whole,) = api.predict(run, tmp_path / "long.npy", device="cpu")
    batches = run.recipe.batches.model_copy(update={"longest": 300})
    run.recipe = run.recipe.model_copy(update={"batches": batches})
    (pieces,) = api.predict(run, tmp_path / "long.npy", device="cpu")
    np.testing.assert_allclose(pieces.outputs, whole.outputs, atol=1e-5)
