"""What a run folder of the speaker task keeps for its report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.store import pack_path, register
from bossline.data.writer import writing
from bossline.recipes.loading import load_recipe
from bossline.runs.info import RunInfo
from bossline.runs.run import Run
from bossline.tasks.speaker.pictures import voices_of
from bossline.tasks.speaker.verification.det import read_det

SPEAKERS = ("ann", "bob")
LENGTHS = (50, 120, 300)


@pytest.fixture
def corpus(home: Path) -> Corpus:
    """Three utterances, of ann, bob and bob."""
    path = pack_path("7" * 64)
    with writing(
        path,
        features=FeatureSpec(kind="other", dim=2),
        classes=(),
        source=Source(reader="test", path="test"),
        speakers=SPEAKERS,
    ) as writer:
        for length, speaker in zip(LENGTHS, ("ann", "bob", "bob"), strict=True):
            writer.add(f"u{length}", np.zeros((length, 2)), part="train", speaker=speaker)
    register("voices", path)
    return Corpus(path)


def new_run(corpus: Corpus, recipe: str = "speaker/simple") -> Run:
    info = RunInfo(
        corpus="voices",
        corpus_key=corpus.key,
        features=corpus.header.features,
        classes=SPEAKERS,
        parameters=1,
        device="cpu",
        threads=1,
        hardware="CPU",
        started="2026-01-01T00:00:00+00:00",
    )
    return Run.create(Path("runs/a"), load_recipe(recipe), info)


@pytest.mark.parametrize("kept", [False, True])
def test_voices_are_those_of_the_test_utterances(corpus: Corpus, kept: bool) -> None:
    run = new_run(corpus)
    assert voices_of(run) is None
    embeddings = np.array([[1, 2], [3, 4]], np.float16)
    save_file(
        {"utterances": np.array([2, 0]), "predicted": np.array([1, 1], np.int16)}
        | ({"embeddings": embeddings} if kept else {}),
        run.path / "predictions.safetensors",
    )
    voices = voices_of(run)
    assert voices is not None
    assert voices.names == SPEAKERS
    assert voices.speakers.tolist() == [1, 0]
    assert voices.correct.tolist() == [True, False]
    rate = corpus.speech.frames_per_second
    assert voices.seconds.tolist() == [300 / rate, 50 / rate]
    if kept:
        assert voices.embeddings is not None
        assert voices.embeddings.dtype == np.float32
        np.testing.assert_array_equal(voices.embeddings, embeddings)
    else:
        assert voices.embeddings is None
    run.update(corpus_key="another")
    assert voices_of(run) is None


def test_a_verified_run_has_a_curve(corpus: Corpus) -> None:
    run = new_run(corpus)
    assert read_det(run) is None
    accepts, rejects = np.array([2.0, 0.5, -1.0]), np.array([-2.0, 0.0, 1.0])
    save_file({"false_accepts": accepts, "false_rejects": rejects}, run.path / "det.safetensors")
    curve = read_det(run)
    assert curve is not None
    np.testing.assert_array_equal(curve[0], accepts)
    np.testing.assert_array_equal(curve[1], rejects)
    (run.path / "det.safetensors").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"det\.safetensors is damaged: .*evaluate runs/a --trials"):
        read_det(run)
