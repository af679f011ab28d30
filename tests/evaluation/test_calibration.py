from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossline.evaluation.calibration import (
    calibration_bins,
    chance_error,
    expected_calibration_error,
)

predictions = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60).map(
    lambda pairs: tuple(zip(*pairs, strict=True))
)
both = pytest.mark.parametrize("binning", ["equal-width", "equal-mass"])


@given(predictions, st.integers(1, 20))
def test_equal_width_against_guo_s_formula(pairs: Any, bins: int) -> None:
    sure, right = np.array(pairs[0]), np.array(pairs[1])
    expected = 0.0
    edges = np.linspace(0, 1, bins + 1)
    for k in range(bins):
        inside = (sure > edges[k]) & (sure <= edges[k + 1])
        if k == 0:
            inside |= sure == 0
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - sure[inside].mean())
    found = calibration_bins(sure, right, bins=bins)
    assert expected_calibration_error(found) == pytest.approx(expected, abs=1e-12)


@both
@given(pairs=predictions, bins=st.integers(1, 20))
def test_bins_hold_every_prediction_once(binning: Any, pairs: Any, bins: int) -> None:
    sure, right = np.array(pairs[0]), np.array(pairs[1])
    found = calibration_bins(sure, right, binning=binning, bins=bins)
    assert sum(one.count for one in found) == len(sure)
    assert len(found) <= bins
    for one in found:
        assert one.low - 1e-12 <= one.confidence <= one.high + 1e-12
        assert one.count >= 1
    mean = sum(one.count * one.accuracy for one in found) / len(sure)
    assert mean == pytest.approx(right.mean())
    error = expected_calibration_error(found)
    # the triangle inequality: binning can only add to the distance of the two means
    assert abs(sure.mean() - right.mean()) - 1e-12 <= error <= 1


def test_equal_mass_against_sorted_parts() -> None:
    rng = np.random.default_rng(0)
    sure, right = rng.random(600), rng.random(600) < 0.5
    order = sure.argsort()
    expected = np.mean(
        [abs(sure[part].mean() - right[part].mean()) for part in np.split(order, 10)]
    )
    found = calibration_bins(sure, right, binning="equal-mass", bins=10)
    assert max(one.count for one in found) - min(one.count for one in found) <= 2
    assert expected_calibration_error(found) == pytest.approx(expected, abs=0.01)


@both
def test_equal_confidences_stay_together(binning: Any) -> None:
    sure = np.repeat([0.3, 0.8], [95, 5])
    found = calibration_bins(sure, np.ones(100, bool), binning=binning)
    assert sorted(one.count for one in found) == [5, 95]
    constant = calibration_bins(np.full(7, 0.75), [1, 1, 1, 0, 0, 0, 0], binning=binning)
    assert len(constant) == 1
    assert expected_calibration_error(constant) == pytest.approx(0.75 - 3 / 7)


@both
def test_what_is_calibrated_has_no_error(binning: Any) -> None:
    rng = np.random.default_rng(0)
    sure = rng.beta(3, 1, 400_000)
    right = rng.random(len(sure)) < sure
    found = calibration_bins(sure, right, binning=binning)
    assert expected_calibration_error(found) < 0.005
    boastful = calibration_bins(sure, rng.random(len(sure)) < sure - 0.2, binning=binning)
    assert expected_calibration_error(boastful) == pytest.approx(0.2, abs=0.02)


@both
def test_extremes(binning: Any) -> None:
    certain = np.ones(10)
    assert expected_calibration_error(calibration_bins(certain, certain, binning=binning)) == 0
    assert expected_calibration_error(calibration_bins(certain, 0 * certain, binning=binning)) == 1


@both
def test_the_error_of_few_predictions_by_chance(binning: Any) -> None:
    rng = np.random.default_rng(0)
    sure = rng.beta(3, 1, 300)
    drawn = []
    for _ in range(200):
        found = calibration_bins(sure, rng.random(300) < sure, binning=binning)
        drawn.append(expected_calibration_error(found))
    assert chance_error(found) == pytest.approx(np.mean(drawn), rel=0.1)
