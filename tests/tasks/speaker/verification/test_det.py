"""The DET curve against scipy's normal quantiles and the straight line of Gaussian scores."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bossline.tasks.speaker.verification.det import det_curve


def test_rates_are_normal_deviates_with_edges_half_a_trial_away() -> None:
    scores, labels = [1.0, 2.0, 3.0, 4.0, 5.0], [False, False, True, False, True]
    accepts, rejects = det_curve(scores, labels)
    thirds, halves = 1 / 3, 1 / 2
    edge, half_edge = 1 / 6, 1 / 4
    expected = [1 - edge, 2 * thirds, thirds, thirds, edge, edge]
    np.testing.assert_allclose(accepts, stats.norm.ppf(expected))
    expected = [half_edge, half_edge, half_edge, halves, halves, 1 - half_edge]
    np.testing.assert_allclose(rejects, stats.norm.ppf(expected))


def test_gaussian_scores_give_a_straight_line() -> None:
    labels = np.arange(20_000) < 10_000
    deviations = np.where(labels, 2.0, 1.0)
    scores = np.random.default_rng(0).normal(3.0 * labels, deviations)
    accepts, rejects = det_curve(scores, labels)
    middle = (np.abs(accepts) < 1.5) & (np.abs(rejects) < 1.5)
    # A threshold t is -t on the first axis and (t - 3) / 2 on the second.
    slope, offset = np.polyfit(accepts[middle], rejects[middle], 1)
    assert (slope, offset) == pytest.approx((-0.5, -1.5), abs=0.05)
