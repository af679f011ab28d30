from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.fft import dct

from bossline.core.errors import UserError
from bossline.data.features.cmvn import cmvn
from bossline.data.features.deltas import COEFFICIENT, TIME, with_deltas
from bossline.data.features.mfcc import mfcc
from bossline.data.features.spec import FeatureSpec

STATIC = FeatureSpec(kind="mfcc", dim=13)
RATE = 16_000


def mel(hz: npt.NDArray[Any] | float) -> npt.NDArray[Any]:
    return np.asarray(1127.0 * np.log1p(np.asarray(hz) / 700.0))


def reference(waveform: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
    """MFCC from their definition in the Kaldi manual, in double precision."""
    x = waveform.astype(np.float64)
    count = (len(x) - 400) // 160 + 1
    frames = np.stack([x[160 * t : 160 * t + 400] for t in range(count)])
    frames = frames - frames.mean(axis=1, keepdims=True)
    floor = np.finfo(np.float32).eps
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)) ** 0.85
    power = np.abs(np.fft.rfft((frames - 0.97 * before) * window, 512)) ** 2
    edges = np.linspace(mel(20.0), mel(RATE / 2), 25)
    bins = mel(np.arange(257) * RATE / 512)[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    weights = np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre))
    weights[256] = 0  # Kaldi leaves the bin at Nyquist out
    banks = np.log(np.maximum(power @ np.maximum(weights, 0), floor))
    lifter = 1 + 11 * np.sin(np.pi * np.arange(13) / 22)
    cepstra = dct(banks, norm="ortho")[:, :13] * lifter
    return np.asarray(cepstra)


def noise(samples: int, seed: int = 0) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, samples).astype(np.float32)


def sine(samples: int) -> npt.NDArray[np.float32]:
    t = np.arange(samples) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 440 * t) + 0.1 * np.sin(2 * np.pi * 3100 * t)
    return (tone + noise(samples) * 1e-2).astype(np.float32)


@pytest.mark.parametrize("waveform", [noise(8000), sine(8000)], ids=["noise", "sine"])
def test_agrees_with_the_definition(waveform: npt.NDArray[np.float32]) -> None:
    np.testing.assert_allclose(mfcc(waveform, STATIC), reference(waveform), atol=1e-3)


@pytest.mark.parametrize("samples", [400, 401, 559, 560, 561, 719, 720, 1000, 4321, 16_000])
def test_only_whole_windows_count(samples: int) -> None:
    assert mfcc(noise(samples), STATIC).shape == ((samples - 400) // 160 + 1, 13)


@pytest.mark.parametrize(("name", "axis"), [("time", TIME), ("coefficient", COEFFICIENT)])
def test_deltas_and_normalisation_follow_the_spec(name: Any, axis: int) -> None:
    waveform = noise(6000)
    spec = FeatureSpec(kind="mfcc", dim=39, deltas=name, normalisation="utterance")
    static = mfcc(waveform, STATIC)
    np.testing.assert_array_equal(mfcc(waveform, spec), cmvn(with_deltas(static, axis)))


def test_one_frame_is_zeros_when_normalised() -> None:
    spec = FeatureSpec(kind="mfcc", dim=39, deltas="time", normalisation="utterance")
    assert not mfcc(noise(400), spec).any()


def test_silence_is_finite() -> None:
    assert np.isfinite(mfcc(np.zeros(4000, np.float32), STATIC)).all()


def test_a_recording_shorter_than_a_window_is_refused() -> None:
    with pytest.raises(UserError, match="399 samples, a frame takes 400"):
        mfcc(noise(399), STATIC)


@pytest.mark.parametrize(
    "spec",
    [
        FeatureSpec(kind="other", dim=13),
        FeatureSpec(kind="mfcc", dim=40),
        FeatureSpec(kind="mfcc", dim=13, deltas="time"),
    ],
)
def test_features_that_it_cannot_make_are_refused(spec: FeatureSpec) -> None:
    with pytest.raises(UserError, match="cannot make these features"):
        mfcc(noise(4000), spec)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kaldi_native_fbank", None)
    with pytest.raises(UserError, match=r"audio extra: pip install 'bossline\[audio\]'"):
        mfcc(noise(4000), STATIC)


@pytest.mark.parametrize("cuts", [[], [0, 1, 399], [5000, 5001], list(range(0, 20_000, 77))])
def test_blocks_are_taken_as_the_whole(cuts: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    waveform = noise(20_000)
    whole = mfcc(waveform, STATIC)
    monkeypatch.setattr("bossline.data.features.mfcc._TAKEN", 3_000)
    np.testing.assert_array_equal(mfcc(np.split(waveform, cuts), STATIC), whole)
    np.testing.assert_allclose(whole, reference(waveform), atol=2e-3)
