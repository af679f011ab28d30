from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.data.features.cmvn import cmvn
from bossline.data.features.deltas import (
    COEFFICIENT,
    TIME,
    deltas,
    rebuild_time_deltas,
    with_deltas,
)

Array = npt.NDArray[Any]


def draw(seed: int, frames: int, dim: int = 13) -> Array:
    return np.random.default_rng(seed).normal(size=(frames, dim))


def brute_force(x: Array, axis: int) -> Array:
    if axis == COEFFICIENT:
        return brute_force(x.T, TIME).T
    result = np.zeros_like(x)
    for t in range(len(x)):
        for k in range(-2, 3):
            result[t] += k * x[min(max(t + k, 0), len(x) - 1)] / 10
    return result


@pytest.mark.parametrize("axis", [TIME, COEFFICIENT])
@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 40])
def test_deltas_are_those_of_a_loop(axis: int, frames: int) -> None:
    x = draw(frames, frames)
    np.testing.assert_allclose(deltas(x, axis), brute_force(x, axis), atol=1e-12)


@given(st.integers(0, 99), st.integers(5, 30), st.floats(-3, 3), st.floats(-3, 3))
def test_the_delta_of_a_line_is_its_slope(
    seed: int, frames: int, slope: float, start: float
) -> None:
    line = start + slope * np.arange(frames, dtype=float)[:, None]
    np.testing.assert_allclose(deltas(line, TIME)[2:-2], slope, atol=1e-9)


@given(
    st.integers(0, 99), st.integers(1, 30), st.floats(-3, 3), st.sampled_from([TIME, COEFFICIENT])
)
def test_deltas_are_linear_and_keep_type_and_shape(
    seed: int, frames: int, factor: float, axis: int
) -> None:
    x, y = draw(seed, frames), draw(seed + 100, frames)
    np.testing.assert_allclose(
        deltas(x + factor * y, axis), deltas(x, axis) + factor * deltas(y, axis), atol=1e-9
    )
    np.testing.assert_allclose(deltas(x[::-1], TIME), -deltas(x, TIME)[::-1], atol=1e-12)
    single = deltas(x.astype(np.float32), axis)
    assert single.dtype == np.float32
    assert single.shape == x.shape


def test_second_deltas_are_deltas_of_deltas() -> None:
    x = draw(0, 20)
    joined = with_deltas(x, TIME)
    np.testing.assert_array_equal(joined[:, :13], x)
    np.testing.assert_allclose(joined[:, 26:], brute_force(brute_force(x, TIME), TIME), atol=1e-12)


def test_deltas_over_coefficients_add_no_information_and_over_time_do() -> None:
    x = draw(1, 200)
    assert np.linalg.matrix_rank(with_deltas(x, COEFFICIENT)) == 13
    assert np.linalg.matrix_rank(with_deltas(x, TIME)) == 39


@given(st.integers(0, 99), st.integers(6, 60))
def test_normalising_first_changes_nothing(seed: int, frames: int) -> None:
    static = draw(seed, frames) * np.arange(1, 14) + 5
    np.testing.assert_allclose(
        cmvn(deltas(cmvn(static), TIME)), cmvn(deltas(static, TIME)), atol=1e-4
    )


def test_published_files_become_those_with_deltas_over_time() -> None:
    raw = draw(2, 80) * 7 - 3
    published = cmvn(with_deltas(raw, COEFFICIENT))
    np.testing.assert_allclose(
        rebuild_time_deltas(published), cmvn(with_deltas(raw, TIME)), atol=1e-4
    )


def test_only_39_columns_can_be_rebuilt() -> None:
    with pytest.raises(UserError, match=r"not \(5, 13\)"):
        rebuild_time_deltas(draw(0, 5))
