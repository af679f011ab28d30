"""The spectrum against a Fourier sum frame by frame, the triangles against their definition."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.data.features.log_mel import log_mel
from bossline.data.features.spec import FeatureSpec

RATE, WINDOW, HOP, MELS = 16_000, 400, 160, 40
SPEC = FeatureSpec(kind="log-mel", dim=MELS)

Samples = npt.NDArray[np.float32]


def noise(samples: int, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, samples).astype(np.float32)


def triangle(hertz: float, mel: int) -> float:
    """Height at a frequency of one of 40 triangles whose corners lie evenly in mel."""

    def to_mel(f: float) -> float:
        return float(2595 * np.log10(1 + f / 700))

    corners = [
        700 * (10 ** (m / 2595) - 1) for m in np.linspace(to_mel(50), to_mel(8000), MELS + 2)
    ]
    left, peak, right = corners[mel : mel + 3]
    return float(np.interp(hertz, [left, peak, right], [0, 1, 0], left=0, right=0))


def by_hand(waveform: Samples) -> npt.NDArray[np.float64]:
    loud = waveform.astype(np.float64) * 10 ** (-3 / 20) / np.abs(waveform).max()
    mirrored = np.pad(loud, WINDOW // 2, mode="reflect")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    bins = np.arange(WINDOW // 2 + 1)
    waves = np.exp(-2j * np.pi * np.outer(bins, np.arange(WINDOW)) / WINDOW)
    frames = [
        np.abs(waves @ (hann * mirrored[start : start + WINDOW])) ** 2
        for start in range(0, len(waveform) + 1, HOP)
    ]
    weights = [[triangle(b * RATE / WINDOW, m) for m in range(MELS)] for b in bins]
    return np.asarray(np.log(np.array(frames) @ np.array(weights) + 1e-9))


@pytest.mark.parametrize("samples", [400, 1600, 2001])
def test_frames_are_a_fourier_sum_under_triangles(samples: int) -> None:
    waveform = noise(samples)
    expected = by_hand(waveform)
    assert expected.shape == (samples // HOP + 1, MELS)
    np.testing.assert_allclose(log_mel(waveform, SPEC), expected, atol=2e-3)


@settings(max_examples=20)
@given(st.integers(400, 3000), st.floats(1e-3, 1))
def test_how_loud_a_recording_is_changes_nothing(samples: int, gain: float) -> None:
    waveform = noise(samples)
    quieter = (waveform * gain).astype(np.float32)
    np.testing.assert_allclose(log_mel(quieter, SPEC), log_mel(waveform, SPEC), atol=1e-3)


def test_long_silence_is_cut_out_and_short_pauses_stay() -> None:
    one, two = noise(3200, 1), noise(3200, 2)
    one[0] = two[0] = 0.5  # so each part has the same peak
    whole = log_mel(np.concatenate([one, two]), SPEC)

    def with_pause(samples: int) -> Samples:
        return np.concatenate([one, np.full(samples, 0.001, np.float32), two])

    np.testing.assert_allclose(log_mel(with_pause(1600), SPEC), whole, atol=1e-5)
    np.testing.assert_allclose(log_mel(with_pause(16_000), SPEC), whole, atol=1e-5)
    assert len(log_mel(with_pause(1440), SPEC)) == len(whole) + 9


def test_the_mean_of_every_triangle_can_be_removed() -> None:
    waveform = noise(4000)
    plain = log_mel(waveform, SPEC).astype(np.float64)
    centred = log_mel(waveform, SPEC.model_copy(update={"normalisation": "mean"}))
    np.testing.assert_allclose(centred, plain - plain.mean(0), atol=1e-4)


@pytest.mark.parametrize(
    "waveform", [np.zeros(16_000, np.float32), np.zeros(0, np.float32), noise(399)]
)
def test_silence_and_less_than_a_window_are_refused(waveform: Samples) -> None:
    with pytest.raises(UserError, match="too short or has silence only"):
        log_mel(waveform, SPEC)


@pytest.mark.parametrize(
    "other", [{"kind": "mfcc"}, {"deltas": "time"}, {"normalisation": "utterance"}]
)
def test_other_features_are_refused(other: dict[str, str]) -> None:
    with pytest.raises(UserError, match="cannot make these features"):
        log_mel(noise(4000), SPEC.model_copy(update=other))


@settings(max_examples=20)
@given(st.integers(0, 99), st.lists(st.integers(0, 3000), max_size=8), st.integers(1, 40))
def test_blocks_are_taken_as_the_whole(seed: int, cuts: list[int], stretch: int) -> None:
    rng = np.random.default_rng(seed)
    loudness = np.repeat(rng.choice([0, 0.002, 0.5], 12), rng.integers(1, 2500, 12))
    waveform = (noise(len(loudness), seed) * loudness).astype(np.float32)
    waveform[:500] = noise(500)
    blocks = np.split(waveform, np.sort(np.array(cuts, int) % len(waveform)))
    with pytest.MonkeyPatch.context() as patch:
        whole = log_mel(waveform, SPEC)
        patch.setattr("bossline.data.features.log_mel._STRETCH", stretch)
        np.testing.assert_allclose(log_mel(blocks, SPEC), whole, atol=1e-5)


def test_a_sound_too_small_for_its_gain_is_silence() -> None:
    with pytest.raises(UserError, match="silence only"):
        log_mel(np.full(4000, 1e-45, np.float32), SPEC)
