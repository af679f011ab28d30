from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossline.data.features.cmvn import cmvn


@given(st.integers(0, 999), st.integers(2, 80))
def test_mean_is_zero_and_deviation_one(seed: int, frames: int) -> None:
    x = np.random.default_rng(seed).normal(40, 9, size=(frames, 5)).astype(np.float32)
    result = cmvn(x)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(result.std(axis=0, ddof=1), 1, atol=1e-5)


def test_one_frame_and_a_dimension_that_never_moves_become_zeros() -> None:
    assert not cmvn(np.full((1, 3), 7.0)).any()
    assert not cmvn(np.full((50, 3), 0.1, np.float32)).any()


def test_stretches_are_taken_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(40, 9, size=(1000, 5)).astype(np.float32)
    exact = x.astype(np.float64)
    monkeypatch.setattr("bossline.data.features.cmvn._STRETCH", 64)
    expected = (exact - exact.mean(0)) / exact.std(0, ddof=1)
    np.testing.assert_allclose(cmvn(x), expected, atol=1e-6)
