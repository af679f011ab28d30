"""Recordings of any length: what is made in pieces is what would be made at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import bossline
from bossline.batches import utterances, windows
from bossline.data.features.spec import OF_SPEECH
from bossline.data.packed import Corpus

QUIET = Console(quiet=True)


def test_features_of_a_recording_that_is_never_there_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile = pytest.importorskip("soundfile")
    pytest.importorskip("kaldi_native_fbank")
    from bossline.data.features.recording import read_recording

    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 48_000)
    soundfile.write(tmp_path / "a.wav", sound, 16_000)
    whole = read_recording(tmp_path / "a.wav", OF_SPEECH)
    for name, size in (
        ("audio._BLOCK", 700),
        ("audio._KEPT", 1_000),
        ("mfcc._TAKEN", 500),
        ("cmvn._STRETCH", 7),
    ):
        monkeypatch.setattr(f"bossline.data.features.{name}", size)
    np.testing.assert_allclose(read_recording(tmp_path / "a.wav", OF_SPEECH), whole, atol=1e-5)


def test_windows_are_answered_some_at_a_time(toy: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    run = bossline.train(
        "phoneme/simple", toy, {"epochs": 1, "batches.size": 64, "model.width": 8},
        run="runs/a", device="cpu", threads=1, console=QUIET,
    )  # fmt: skip
    model = bossline.load(run, device="cpu")
    frames = np.random.default_rng(1).normal(size=(301, 6))
    (whole,) = model.predict(frames)
    monkeypatch.setattr(windows, "EVALUATION_BATCH", 16)
    (pieces,) = model.predict(frames)
    np.testing.assert_allclose(pieces.outputs, whole.outputs, atol=1e-4)


def test_a_model_that_hears_no_farther_than_a_piece_s_context(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bossline.train(
        "phoneme/simple", toy,
        {
            "epochs": 1, "batches": {"kind": "utterances", "size": 200, "longest": 50},
            "model": {"kind": "tagger", "encoder": {"kind": "tdnn", "width": 8}},
            "precision": "float32",
        },
        run="runs/a", device="cpu", threads=1, console=QUIET,
    )  # fmt: skip
    model = bossline.load(run, device="cpu")
    frames = np.random.default_rng(1).normal(size=(301, 6))
    monkeypatch.setattr(utterances, "CONTEXT", 20)
    (pieces,) = model.predict(frames)
    monkeypatch.setattr(utterances, "cut", lambda lengths, longest: (np.arange(1), lengths))
    (whole,) = model.predict(frames)
    np.testing.assert_allclose(pieces.outputs, whole.outputs, atol=1e-4)
