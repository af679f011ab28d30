"""When a frame was: against numbers by hand, Kaldi, the spectrum's own count, and a click."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.data.features.log_mel import log_mel
from bossline.data.features.mfcc import mfcc
from bossline.data.features.spec import FeatureSpec

MFCC = FeatureSpec(kind="mfcc", dim=13)
LOG_MEL = FeatureSpec(kind="log-mel", dim=40)
OTHER = FeatureSpec(kind="other", dim=2)
SPECS = [MFCC, LOG_MEL, OTHER]

RATES = st.sampled_from([8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000])
WINDOWS = st.sampled_from([10.0, 20.0, 23.22, 25.0, 32.0])
HOPS = st.sampled_from([2.5, 5.0, 8.7, 10.0, 12.5, 16.0])


def noise(samples: int) -> Any:
    return np.random.default_rng(samples).uniform(-0.5, 0.5, samples).astype(np.float32)


@pytest.mark.parametrize(
    ("spec", "milliseconds"),
    [
        (MFCC, [12.5, 22.5, 32.5]),
        (MFCC.model_copy(update={"window_ms": 32.0, "hop_ms": 16.0}), [16, 32, 48]),
        (MFCC.model_copy(update={"sample_rate": 8_000}), [12.5, 22.5, 32.5]),
        (LOG_MEL, [0, 10, 20]),
        (OTHER, [5, 15, 25]),
        (OTHER.model_copy(update={"hop_ms": 12.5}), [6.25, 18.75, 31.25]),
    ],
)
def test_centres_by_hand(spec: FeatureSpec, milliseconds: list[float]) -> None:
    assert spec.frame_centres(3) * 1000 == pytest.approx(milliseconds, abs=1e-9)


@pytest.mark.parametrize(
    ("spec", "milliseconds"),
    [(MFCC, [0, 17.5, 27.5, 37.5]), (LOG_MEL, [0, 5, 15, 25]), (OTHER, [0, 10, 20, 30])],
)
def test_edges_by_hand(spec: FeatureSpec, milliseconds: list[float]) -> None:
    assert spec.frame_edges(3) * 1000 == pytest.approx(milliseconds, abs=1e-9)


@given(st.sampled_from(SPECS), st.integers(1, 300), RATES, WINDOWS, HOPS)
def test_edges_lie_half_way_between_centres(
    spec: FeatureSpec, count: int, rate: int, window: float, hop: float
) -> None:
    spec = spec.model_copy(update={"sample_rate": rate, "window_ms": window, "hop_ms": hop})
    centres, edges = spec.frame_centres(count), spec.frame_edges(count)
    assert centres.shape == (count,)
    assert edges.shape == (count + 1,)
    assert edges[0] == 0
    assert (np.diff(edges) > 0).all()
    assert edges[1:-1] == pytest.approx((centres[1:] + centres[:-1]) / 2)
    assert edges[-1] - centres[-1] == pytest.approx(hop / 2000, abs=1 / rate)


@settings(max_examples=50)
@given(st.integers(0, 6_000), RATES, WINDOWS, HOPS)
def test_counts_are_those_of_kaldi(samples: int, rate: int, window: float, hop: float) -> None:
    from kaldi_native_fbank import MfccOptions, OnlineMfcc

    options = MfccOptions()
    options.frame_opts.samp_freq = rate
    options.frame_opts.frame_length_ms = window
    options.frame_opts.frame_shift_ms = hop
    options.frame_opts.snip_edges = True
    kaldi = OnlineMfcc(options)
    kaldi.accept_waveform(rate, noise(samples).tolist())
    spec = FeatureSpec(kind="mfcc", dim=13, sample_rate=rate, window_ms=window, hop_ms=hop)
    assert spec.frame_count(samples) == kaldi.num_frames_ready
    if kaldi.num_frames_ready:
        assert len(mfcc(noise(samples), spec)) == kaldi.num_frames_ready
    else:
        with pytest.raises(UserError, match=f"{samples} samples, a frame takes "):
            mfcc(noise(samples), spec)


@settings(max_examples=50)
@given(st.integers(0, 6_000), RATES, WINDOWS, HOPS)
def test_counts_are_those_of_the_log_mel_spectrogram(
    samples: int, rate: int, window: float, hop: float
) -> None:
    spec = FeatureSpec(kind="log-mel", dim=8, sample_rate=rate, window_ms=window, hop_ms=hop)
    if spec.frame_count(samples):
        assert len(log_mel(noise(samples), spec)) == spec.frame_count(samples)
    else:
        with pytest.raises(UserError, match="too short"):
            log_mel(noise(samples), spec)


@pytest.mark.parametrize(
    ("kind", "samples", "count"),
    [
        ("mfcc", 399, 0),
        ("mfcc", 400, 1),
        ("mfcc", 559, 1),
        ("mfcc", 560, 2),
        ("mfcc", 16_000, 98),
        ("log-mel", 399, 0),
        ("log-mel", 400, 3),
        ("log-mel", 479, 3),
        ("log-mel", 480, 4),
        ("log-mel", 16_000, 101),
        ("other", 159, 0),
        ("other", 16_000, 100),
    ],
)
def test_counts_by_hand(
    kind: Literal["mfcc", "log-mel", "other"], samples: int, count: int
) -> None:
    assert FeatureSpec(kind=kind, dim=13).frame_count(samples) == count


@settings(max_examples=30)
@given(st.sampled_from([MFCC, LOG_MEL]), st.integers(1_000, 7_000))
def test_a_click_is_loudest_in_the_frame_between_whose_edges_it_lies(
    spec: FeatureSpec, sample: int
) -> None:
    sound = noise(8_000) / 10
    sound[sample] = 1
    make = mfcc if spec.kind == "mfcc" else log_mel
    frames = make(sound, spec)
    loudness = frames[:, 0] if spec.kind == "mfcc" else frames.sum(1)
    edges = spec.frame_edges(len(frames))
    assume(np.abs(edges - sample / 16_000).min() > 0.001)  # where two frames hear it alike
    assert np.searchsorted(edges, sample / 16_000) - 1 == loudness.argmax()


@pytest.mark.parametrize("make", [mfcc, log_mel])
def test_a_hop_of_less_than_a_sample_is_refused(make: Any) -> None:
    spec = {mfcc: MFCC, log_mel: LOG_MEL}[make].model_copy(update={"hop_ms": 0.01})
    with pytest.raises(UserError, match=r"cannot make these features.* 0\.01 ms hop"):
        make(noise(4_000), spec)
