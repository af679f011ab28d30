"""Each block against numpy; what an utterance gets depends on it alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import settings

from bossline.batches.padded import Padded
from bossline.models.fitted.speaker_lda import UtteranceStatistics
from tests.padding import any_padding, padded

DIMS = 4
LAGS = (0, 1, 3)


def utterance(length: int, dims: int = DIMS) -> npt.NDArray[np.float32]:
    """Correlated over time and between dimensions, at levels and widths of their own."""
    rng = np.random.default_rng(length)
    smooth = rng.normal(size=(length + 2, dims)).cumsum(0) @ rng.normal(size=(dims, dims))
    return (smooth[2:] - smooth[:-2] + np.arange(dims) * 10).astype(np.float32)


def alone(x: npt.NDArray[np.float32], lags: tuple[int, ...] = LAGS) -> npt.NDArray[np.float32]:
    batch = Padded.of(torch.from_numpy(x).unsqueeze(0), torch.tensor([len(x)]))
    statistics = UtteranceStatistics(x.shape[1], lags)
    result = statistics(batch)
    assert result.shape == (1, statistics.outputs)
    assert result.dtype == torch.float32
    return np.asarray(result[0].numpy())


@pytest.mark.parametrize("length", [2, 21, 150])
def test_spread_is_the_log_of_the_standard_deviation(length: int) -> None:
    x = utterance(length)
    np.testing.assert_allclose(alone(x)[:DIMS], np.log(x.std(0)), atol=1e-5)


@pytest.mark.parametrize("length", [2, 20, 21, 150])
def test_quantiles_are_numpys(length: int) -> None:
    x = utterance(length).astype(np.float64)
    z = (x - x.mean(0)) / x.std(0)
    expected = np.quantile(z, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
    found = alone(utterance(length))[DIMS : 6 * DIMS].reshape(5, DIMS)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("length", [4, 21, 150])
def test_correlations_at_once_and_lagged(length: int) -> None:
    x = utterance(length).astype(np.float64)
    z = (x - x.mean(0)) / x.std(0)
    at_once = np.asarray(np.corrcoef(x.T))[np.triu_indices(DIMS, 1)]
    lagged = [
        [np.mean(z[: length - lag, i] * z[lag:, j]) for i in range(DIMS) for j in range(DIMS)]
        for lag in LAGS[1:]
    ]
    found = alone(utterance(length))[6 * DIMS :]
    np.testing.assert_allclose(found, np.concatenate([at_once, *lagged]), atol=1e-4)


@settings(max_examples=25)
@any_padding
def test_every_utterance_gets_what_it_gets_alone(
    lengths: list[int], beyond: int, padding: float
) -> None:
    utterances = [torch.from_numpy(utterance(length)) for length in lengths]
    together = UtteranceStatistics(DIMS, LAGS)(padded(utterances, beyond, padding))
    for row, length in zip(together.numpy(), lengths, strict=True):
        np.testing.assert_allclose(row, alone(utterance(length)), atol=2e-4)


def test_a_channel_that_adds_changes_nothing() -> None:
    x = utterance(80)
    channel = np.array([5, -3, 0.5, 100], np.float32)
    np.testing.assert_allclose(alone(x + channel), alone(x), atol=1e-3)


@pytest.mark.parametrize("length", [1, 2, 3, 7, 8])
def test_an_utterance_shorter_than_the_lag_has_finite_statistics(length: int) -> None:
    found = alone(utterance(length), lags=(0, 7))
    assert np.isfinite(found).all()
    if length <= 7:
        assert (found[-(DIMS**2) :] == 0).all()  # no two frames are so far apart


@pytest.mark.parametrize("level", [0.0, 1.0, 300.1, -1e6])
def test_a_constant_dimension_has_finite_statistics(level: float) -> None:
    x = utterance(50)
    others = alone(x[:, 1:], lags=(0,))
    x[:, 0] = level
    found = alone(x, lags=(0,))
    assert np.isfinite(found).all()
    per_dimension = found[: 6 * DIMS].reshape(6, DIMS)[:, 1:]
    np.testing.assert_allclose(per_dimension.ravel(), others[: 6 * (DIMS - 1)], atol=1e-5)


def test_autocast_leaves_it_in_float32() -> None:
    x = utterance(50)
    expected = alone(x)
    with torch.autocast("cpu", torch.bfloat16):
        np.testing.assert_array_equal(alone(x), expected)
