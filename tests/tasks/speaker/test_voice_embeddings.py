"""Embeddings of utterances, by name, alone and together, and the cohort of training speakers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from safetensors import safe_open

from bossline import api
from bossline import api as verification
from bossline.batches.padded import Padded
from bossline.core.errors import UserError
from bossline.core.runtime import Runtime
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.splits import split_corpus
from bossline.data.store import pack_path, register
from bossline.data.writer import writing
from bossline.models.speaker import SpeakerModel
from bossline.runs.run import Run
from bossline.tasks.speaker.voices import Voices
from bossline.training.checkpoint import load_weights
from tests.conftest import SPEAKERS, train_on_voices


def by_hand(run: Run, frames: np.ndarray) -> np.ndarray:
    """One utterance through the model itself, scaled to length 1."""
    model = run.task.model(run.recipe, FeatureSpec(kind="other", dim=5), SPEAKERS)
    assert isinstance(model, SpeakerModel)
    load_weights(run.best_weights, model)
    with torch.no_grad():
        one = torch.from_numpy(frames.astype(np.float32))[None]
        vector = model.eval().embed(Padded.of(one, torch.tensor([len(frames)])))[0].numpy()
    return np.asarray(vector / np.linalg.norm(vector))


def test_unit_vectors_of_a_split_files_and_ids_are_those_of_the_model(speaker_run: Run) -> None:
    corpus = speaker_run.corpus()
    np.save("alone.npy", corpus.frames(7))
    found = verification.embed(speaker_run, ["test", "alone.npy", "u07.pt", "unlabelled"])
    splits = split_corpus(corpus, speaker_run.recipe.split, np.asarray(corpus.speakers >= 0))
    tested = [corpus.ids[u] for u in splits["test"]]
    assert found.ids == (*tested, "alone.npy", "u07.pt", *(f"u{n}.pt" for n in range(80, 85)))
    assert found.vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-6)
    for id, vector in zip(found.ids, found.vectors, strict=True):
        frames = corpus.frames(corpus.ids.index("u07.pt" if id == "alone.npy" else id))
        np.testing.assert_allclose(vector, by_hand(speaker_run, frames), atol=1e-5)


def test_views_are_averaged_as_unit_vectors(voices: Corpus) -> None:
    run = train_on_voices("batches.views=3")
    long = next(u for u in range(len(voices)) if voices.lengths[u] > 30)
    frames = voices.frames(long)
    slack = len(frames) - 12
    views = [by_hand(run, frames[start : start + 12]) for start in (0, slack // 2, slack)]
    mean = np.mean(views, axis=0)
    found = verification.embed(run, [voices.ids[long]])
    np.testing.assert_allclose(found.vectors[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_the_file_names_its_utterances_and_weights(speaker_run: Run, tmp_path: Path) -> None:
    found = verification.embed(speaker_run, ["validation"])
    found.write(tmp_path / "voices.safetensors")
    with safe_open(tmp_path / "voices.safetensors", framework="np") as content:
        np.testing.assert_array_equal(content.get_tensor("embeddings"), found.vectors)
        assert json.loads(content.metadata()["ids"]) == list(found.ids)
        assert content.metadata()["weights"] == found.weights


def test_the_cohort_is_a_mean_a_training_speaker_and_made_once(speaker_run: Run) -> None:
    corpus = speaker_run.corpus()
    train = verification.embed(speaker_run, ["train"])
    spoken = np.array([corpus.speakers[corpus.ids.index(id)] for id in train.ids])
    expected = [train.vectors[spoken == number].mean(0) for number in range(4)]
    voices = Voices(speaker_run, Runtime.choose("cpu"))
    np.testing.assert_allclose(voices.cohort(), expected, atol=1e-6)
    kept = speaker_run.path / "cohort.safetensors"
    whole = kept.read_bytes()
    for damaged in (whole[:-5], b"", np.random.default_rng(0).bytes(100)):
        kept.write_bytes(damaged)
        np.testing.assert_allclose(voices.cohort(), expected, atol=1e-6)
        assert kept.read_bytes() == whole


def test_the_cohort_of_other_weights_is_made_again(speaker_run: Run) -> None:
    kept = speaker_run.path / "cohort.safetensors"
    Voices(speaker_run, Runtime.choose("cpu")).cohort()
    before = kept.read_bytes()
    other = train_on_voices("seed=9", run="runs/other")
    speaker_run.write("best.safetensors", other.best_weights.read_bytes())
    Voices(speaker_run, Runtime.choose("cpu")).cohort()
    assert kept.read_bytes() != before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("u8.pt", r"'u8\.pt' is neither a file, a split, nor an utterance of corpus 'voices': did"),
        ("tset", "did you mean 'test'"),
        ("x" * 300, r"'x+' is neither a file"),
        ("qqqq", r"known: .*u00\.pt.*validation"),
        ("silence.npy", r"silence\.npy: all frames are equal, silence only"),
        ("wide.npy", r"wide\.npy: expected \(frames, 5\), found \(9, 6\)"),
    ],
)
def test_an_input_that_is_none_is_named(speaker_run: Run, name: str, message: str) -> None:
    np.save("silence.npy", np.ones((9, 5)))
    np.save("wide.npy", np.random.default_rng(0).normal(size=(9, 6)))
    with pytest.raises(UserError, match=message):
        verification.embed(speaker_run, ["u01.pt", name])


def test_no_input_at_all(speaker_run: Run) -> None:
    with pytest.raises(UserError, match="at least one file, utterance or split"):
        verification.embed(speaker_run, [])


def test_what_is_too_short_for_the_encoder_is_named(home: Path) -> None:
    rng = np.random.default_rng(0)
    path = pack_path("7" * 64)
    with writing(
        path,
        features=FeatureSpec(kind="other", dim=8),
        classes=(),
        source=Source(reader="test", path="test"),
        speakers=("ann", "bob"),
    ) as writer:
        for number in range(40):
            frames = rng.normal(size=(12, 8)).astype(np.float32)
            writer.add(f"u{number}", frames, part="train", speaker=("ann", "bob")[number % 2])
    register("voices", path)
    run = train_on_voices(
        "epochs=1",
        "batches.valid_every=1",
        "model.encoder={kind: subsample, channels: 2, encoder: {kind: rnn, width: 4, depth: 1}}",
    )
    np.save("enough.npy", rng.normal(size=(7, 8)))
    np.save("short.npy", rng.normal(size=(6, 8)))
    assert len(verification.embed(run, ["enough.npy"]).vectors) == 1
    with pytest.raises(UserError, match=r"short\.npy: an utterance of 6 frames is too short"):
        verification.embed(run, ["u0", "enough.npy", "short.npy"])


def test_without_its_corpus_a_run_embeds_files_only(speaker_run: Run, home: Path) -> None:
    np.save("a.npy", speaker_run.corpus().frames(0))
    (home / "corpora" / "voices.json").unlink()
    assert len(verification.embed(speaker_run, ["a.npy"]).vectors) == 1
    with pytest.raises(UserError, match=r"b\.npy: no such file, and no corpus 'voices'"):
        verification.embed(speaker_run, ["b.npy"])


def test_a_run_of_another_task_is_refused(toy: Corpus) -> None:
    run = api.train(
        "phoneme/simple", "toy", ["epochs=1", "batches.size=64", "model.width=8"], run="runs/p",
        device="cpu", threads=1, console=Console(quiet=True),
    )  # fmt: skip
    message = r"runs/p is no speaker run \(phoneme/simple is for the task phoneme\)"
    with pytest.raises(UserError, match=message):
        verification.embed(run, ["test"])
    with pytest.raises(UserError, match=message):
        verification.draw_trials(run)
