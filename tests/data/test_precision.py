"""Frames are halved only where that loses next to nothing of what varies in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bossline.data import writer
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.precision import moments
from bossline.data.writer import writing


def pack(path: Path, utterances: list[np.ndarray]) -> Corpus:
    features = FeatureSpec(kind="other", dim=utterances[0].shape[1])
    source = Source(reader="test", path="")
    with writing(path, features=features, classes=(), source=source) as output:
        for number, frames in enumerate(utterances):
            output.add(f"u{number}", frames.astype(np.float32), part="train")
    return Corpus(path)


def normal(*lengths: int, dim: int = 5, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((length, dim)) for length in lengths]


def one_column(scale: float, offset: float = 0.0) -> list[np.ndarray]:
    utterances = normal(200, 100)
    for frames in utterances:
        frames[:, 2] = frames[:, 2] * scale + offset
    return utterances


EXACT = {
    "1e-30": [frames * 1e-30 for frames in normal(50, 60)],
    "1e-6": [frames * 1e-6 for frames in normal(50, 60)],
    "60000 and noise": [60_000 + frames for frames in normal(50, 60)],
    "a column of 1e-9": one_column(1e-9),
    "a column of 1e-6": one_column(1e-6),
    "a column around 1000": one_column(1.0, offset=1000.0),
    "an utterance of 1e-6 among others": [normal(50)[0], normal(50)[0] * 1e-6, *normal(80)],
    "an utterance around 60000 among others": [*normal(50, 70), 60_000 + normal(50)[0]],
    "utterances of one frame around 60000": [60_000 + frames for frames in normal(*[1] * 40)],
    "one frame of 1e-8": [normal(1)[0] * 1e-8],
    "a single constant of 1e-8": [np.full((9, 5), 1e-8)],
    "too large": [frames * 1e6 for frames in normal(50)],
}


@pytest.mark.parametrize("kind", EXACT)
def test_what_half_precision_would_destroy_is_exact(tmp_path: Path, kind: str) -> None:
    corpus = pack(tmp_path / "pack", EXACT[kind])
    for number, frames in enumerate(EXACT[kind]):
        np.testing.assert_array_equal(corpus.frames(number), frames.astype(np.float32))


def constant_in_each() -> list[np.ndarray]:
    utterances = normal(90, 80, 70)
    for value, frames in zip((0.1, 1.1, -2.3), utterances, strict=True):
        frames[:, 1] = value  # nothing varies in the utterance, but between them
    return utterances


HALVED = {
    "normalised": normal(300, 200),
    "far from zero by two deviations": [frames + 2 for frames in normal(300, 200)],
    "one frame": normal(1),
    "equal frames": [np.tile(normal(1)[0], (5, 1))],
    "zeros": [np.zeros((4, 5))],
    "a column constant in each": constant_in_each(),
    "a column of a constant": one_column(0.0, offset=0.1),
}


@pytest.mark.parametrize("kind", HALVED)
def test_what_it_keeps_is_halved(tmp_path: Path, kind: str) -> None:
    corpus = pack(tmp_path / "pack", HALVED[kind])
    for number, frames in enumerate(HALVED[kind]):
        stored = corpus.frames(number)
        assert stored.dtype == np.float16
        np.testing.assert_array_equal(stored, frames.astype(np.float32).astype(np.float16))


def test_each_shard_has_its_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SHARD_BYTES", 1)
    corpus = pack(tmp_path / "pack", [normal(50)[0], normal(50)[0] * 1e-9])
    assert [corpus.frames(number).dtype for number in range(2)] == [np.float16, np.float32]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    scales=st.lists(st.floats(-12, 4), min_size=3, max_size=3),
    offsets=st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=3),
    seed=st.integers(0, 99),
)
def test_no_column_loses_a_thousandth_of_its_deviation(
    tmp_path: Path, lengths: list[int], scales: list[float], offsets: list[float], seed: int
) -> None:
    columns = 10.0 ** np.array(scales)
    utterances = [frames * columns + offsets for frames in normal(*lengths, dim=3, seed=seed)]
    corpus = pack(tmp_path / "pack", utterances)
    exact = np.concatenate(utterances).astype(np.float32).astype(np.float64)
    stored = np.concatenate([corpus.frames(number) for number in range(len(corpus))])
    lost = np.sqrt(((exact - stored) ** 2).mean(0))
    varies = np.ptp(exact, axis=0) > 0
    assert (lost[varies] <= 1.001e-3 * exact.std(0)[varies]).all()
    assert (lost <= 1.001e-3 * np.sqrt((exact**2).mean(0)))[~varies].all()


NUMBERS = st.floats(-65504, 65504, width=32) | st.floats(-(2.0**-13), 2.0**-13, width=32)


@given(rows=st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=8))
def test_moments_are_those_of_long_sums(rows: list[list[float]]) -> None:
    values = np.array(rows, np.float32)
    exact = values.astype(np.longdouble)
    found = moments(values)
    errors = exact - values.astype(np.float16).astype(np.longdouble)
    np.testing.assert_allclose(found.errors, (errors**2).sum(0).astype(float), rtol=1e-12)
    np.testing.assert_array_equal(found.lowest, exact.min(0).astype(float))
    np.testing.assert_array_equal(found.highest, exact.max(0).astype(float))
    scale = np.abs(exact).max(0).astype(float)
    np.testing.assert_allclose(
        found.means, exact.mean(0).astype(float), rtol=0, atol=1e-14 * scale.max()
    )
    deviations = ((exact - exact.mean(0)) ** 2).sum(0).astype(float)
    np.testing.assert_allclose(found.deviations, deviations, rtol=1e-9, atol=1e-26 * scale.max())


@pytest.mark.parametrize(("largest", "fits"), [(65519.9, True), (65520, False), (1e30, False)])
def test_what_rounds_to_infinity_is_kept_exactly(largest: float, fits: bool) -> None:
    # A deviation so large that only the range of float16 is the question.
    values = np.array([[largest], [-largest]], np.float32)
    assert moments(values).keeps is fits
