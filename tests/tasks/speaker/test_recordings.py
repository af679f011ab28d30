"""A recording goes through the very features that the model was trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console

from bossline import api
from bossline.core.errors import UserError
from bossline.data.features.mfcc import mfcc
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import Source
from bossline.data.store import pack_path, register
from bossline.data.writer import writing
from tests.conftest import frame_labels_of

SPEC = FeatureSpec(kind="mfcc", dim=39, deltas="time", normalisation="utterance")
RATE = 16_000


def tones(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A second of low tone, high tone, low tone ...; and the class of each frame."""
    classes = rng.integers(0, 2, 10)
    pieces = [
        np.sin(2 * np.pi * (200, 2500)[kind] * np.arange(RATE // 10) / RATE) for kind in classes
    ]
    waveform = np.concatenate(pieces) * 0.3 + rng.normal(size=RATE) * 0.01
    centres = np.arange((RATE - 400) // 160 + 1) * 160 + 200
    return waveform.astype(np.float32), classes[centres // (RATE // 10)]


def test_a_recording_is_recognised(home: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = pack_path("c" * 64)
    with writing(
        path, features=SPEC, classes=("low", "high"), source=Source(reader="test", path="")
    ) as writer:
        for number in range(20):
            waveform, labels = tones(rng)
            writer.add(f"u{number}", mfcc(waveform, SPEC), part="train", labels=labels)
    register("tones", path)
    run = api.train(
        "phoneme/simple", "tones", ["epochs=5", "batches.size=64"], device="cpu", threads=1,
        console=Console(quiet=True),
    )  # fmt: skip

    waveform, labels = tones(rng)
    soundfile.write(tmp_path / "new.wav", waveform, RATE, subtype="FLOAT")
    (prediction,) = api.predict(run, tmp_path / "new.wav", device="cpu")
    assert prediction.id == "new"
    assert (frame_labels_of(prediction) == labels).mean() > 0.85

    np.save(tmp_path / "new.npy", mfcc(waveform, SPEC))
    (from_features,) = api.predict(run, tmp_path / "new.npy", device="cpu")
    np.testing.assert_allclose(from_features.outputs, prediction.outputs, atol=1e-5)


def test_features_made_elsewhere_cannot_be_computed(home: Path, tmp_path: Path) -> None:
    from bossline.data.inputs import read_features

    soundfile.write(tmp_path / "a.wav", np.zeros(RATE, np.float32), RATE)
    with pytest.raises(UserError, match="cannot be computed from a recording"):
        read_features(tmp_path / "a.wav", FeatureSpec(kind="other", dim=40))
