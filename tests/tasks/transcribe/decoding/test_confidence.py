from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from bossline.evaluation.calibration import calibration_bins, expected_calibration_error
from bossline.tasks.transcribe.decoding.confidence import calibrated, fit_calibration


def overconfident(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidences, and what is right: as often as confidences of a third of the log-odds say."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(2, 2, count)
    right = rng.random(count) < 1 / (1 + np.exp(-(odds / 3 - 0.5)))
    return 1 / (1 + np.exp(-odds)), right


def test_the_truth_behind_confidences_is_found() -> None:
    slope, offset = fit_calibration(*overconfident(50_000, 0))
    assert slope == pytest.approx(1 / 3, abs=0.02)
    assert offset == pytest.approx(-0.5, abs=0.04)


def test_it_is_logistic_regression_of_the_log_odds() -> None:
    sure, right = overconfident(20_000, 1)
    odds = np.log(sure / (1 - sure))[:, None]
    oracle = LogisticRegression(C=1e9).fit(odds, right)
    slope, offset = fit_calibration(sure, right)
    assert slope == pytest.approx(float(oracle.coef_[0, 0]), abs=1e-3)
    assert offset == pytest.approx(float(oracle.intercept_[0]), abs=1e-3)


def test_others_are_calibrated_by_it() -> None:
    found = fit_calibration(*overconfident(20_000, 2))
    sure, right = overconfident(20_000, 3)
    before = expected_calibration_error(calibration_bins(sure, right))
    after = expected_calibration_error(calibration_bins(calibrated(sure, *found), right))
    assert before > 0.1
    assert after < 0.02


@pytest.mark.parametrize("right", [True, False])
def test_it_stays_finite_where_all_are_right_or_wrong(right: bool) -> None:
    sure = np.linspace(0.01, 1, 50)
    told = calibrated(sure, *fit_calibration(sure, np.full(50, right)))
    assert np.isfinite(told).all()
    assert ((told > 0.5) == right).all()


def test_nothing_is_learnt_from_nothing_and_one_confidence_from_its_share() -> None:
    assert fit_calibration([], []) == (1.0, 0.0)
    found = fit_calibration(np.full(1000, 0.9), np.arange(1000) < 600)
    assert calibrated([0.9], *found)[0] == pytest.approx(0.6, abs=0.01)
