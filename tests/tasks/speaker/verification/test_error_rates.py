"""Error rates against counting, scikit-learn and the closed form of Gaussian scores."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats
from sklearn import metrics

from bossline.core.errors import UserError
from bossline.tasks.speaker.verification.error_rates import (
    RankedTrials,
    equal_error_rate,
    error_rates,
    min_dcf,
)

Case = tuple[list[float], list[bool]]


def cases(score: st.SearchStrategy[float]) -> st.SearchStrategy[Case]:
    """Trials of both kinds."""
    rows = st.lists(st.tuples(score, st.booleans()), min_size=2, max_size=12)
    both = rows.filter(lambda rows: len({label for _, label in rows}) == 2)
    return both.map(lambda rows: ([s for s, _ in rows], [label for _, label in rows]))


tied = cases(st.integers(-3, 3).map(float))
close = cases(
    st.sampled_from([0.1, np.nextafter(0.1, 1), np.nextafter(0.1, 0), -5e-324, 0.0, 1e300])
)


def counted(scores: list[float], labels: list[bool]) -> list[tuple[Fraction, Fraction]]:
    """False accept and false reject rates at every score and above all of them."""
    targets = [s for s, label in zip(scores, labels, strict=True) if label]
    others = [s for s, label in zip(scores, labels, strict=True) if not label]
    return [
        (
            Fraction(sum(s >= threshold for s in others), len(others)),
            Fraction(sum(s < threshold for s in targets), len(targets)),
        )
        for threshold in [*sorted(set(scores)), float("inf")]
    ]


@given(tied)
def test_every_operating_point_equals_counting(case: Case) -> None:
    rates = error_rates(*case)
    expected = np.array(counted(*case), np.float64)
    np.testing.assert_allclose(rates.false_accepts, expected[:, 0], atol=1e-12)
    np.testing.assert_allclose(rates.false_rejects, expected[:, 1], atol=1e-12)


@given(tied | close)
def test_each_threshold_has_the_rates_beside_it(case: Case) -> None:
    rates = error_rates(*case)
    scores, labels = map(np.array, case)
    for threshold, accepts, rejects in zip(
        rates.thresholds, rates.false_accepts, rates.false_rejects, strict=True
    ):
        assert (scores[~labels] >= threshold).mean() == pytest.approx(accepts)
        assert (scores[labels] < threshold).mean() == pytest.approx(rejects)


@given(tied)
def test_operating_points_equal_scikit_learns(case: Case) -> None:
    scores, labels = case
    accepts, hits, _ = metrics.roc_curve(labels, scores, drop_intermediate=False)
    rates = error_rates(scores, labels)
    np.testing.assert_allclose(rates.false_accepts[::-1], accepts, atol=1e-12)
    np.testing.assert_allclose(rates.false_rejects[::-1], 1 - hits, atol=1e-12)


@given(tied)
def test_eer_is_where_the_polygon_meets_the_diagonal(case: Case) -> None:
    points = counted(*case)
    meetings = set()
    for (far, frr), (next_far, next_frr) in pairwise(points):
        gap, next_gap = frr - far, next_frr - next_far
        if gap <= 0 <= next_gap:
            meetings.add(frr + (next_frr - frr) * -gap / (next_gap - gap))
    assert len(meetings) == 1
    assert equal_error_rate(*case).rate == pytest.approx(float(meetings.pop()))


@given(tied)
def test_the_eer_threshold_has_the_rates_nearest_to_each_other(case: Case) -> None:
    scores, labels = map(np.array, case)
    threshold = equal_error_rate(scores, labels).threshold
    gap = abs((scores[~labels] >= threshold).mean() - (scores[labels] < threshold).mean())
    assert gap == pytest.approx(float(min(abs(far - frr) for far, frr in counted(*case))))


@given(tied, st.floats(0.001, 0.999), st.floats(0.1, 10), st.floats(0.1, 10))
def test_min_dcf_equals_counting(case: Case, prior: float, c_miss: float, c_fa: float) -> None:
    costs = [
        c_miss * prior * float(frr) + c_fa * (1 - prior) * float(far) for far, frr in counted(*case)
    ]
    known = min(c_miss * prior, c_fa * (1 - prior))
    found = min_dcf(*case, p_target=prior, c_miss=c_miss, c_fa=c_fa)
    assert found == pytest.approx(min(costs) / known)
    assert found <= 1 + 1e-12


@given(tied, st.randoms(use_true_random=False))
def test_eer_ignores_order_duplication_scale_and_the_sides_names(
    case: Case, random: Random
) -> None:
    scores, labels = case
    rate = equal_error_rate(scores, labels).rate
    shuffled = random.sample(list(zip(scores, labels, strict=True)), len(scores))
    assert equal_error_rate(*zip(*shuffled, strict=True)).rate == pytest.approx(rate)
    assert equal_error_rate(scores * 3, labels * 3).rate == pytest.approx(rate)
    assert equal_error_rate(np.exp(scores) - 7, labels).rate == pytest.approx(rate)
    assert equal_error_rate(-np.array(scores), ~np.array(labels)).rate == pytest.approx(rate)


@given(tied, st.data())
def test_a_weight_is_as_many_copies(case: Case, data: st.DataObject) -> None:
    scores, labels = map(np.array, case)
    counts = data.draw(st.lists(st.integers(0, 3), min_size=len(scores), max_size=len(scores)))
    weights = np.array(counts)
    if weights[labels].any() and weights[~labels].any():
        weighted = RankedTrials(scores, labels).rates(weights.astype(np.float64))
        copied = error_rates(np.repeat(scores, weights), np.repeat(labels, weights))
        assert weighted.equal().rate == pytest.approx(copied.equal().rate)
        assert weighted.costs(0.05).min() == pytest.approx(copied.costs(0.05).min())


def test_a_constant_score_has_a_half_and_a_perfect_one_nothing() -> None:
    assert equal_error_rate([2.0] * 5, [True, True, False, False, False]).rate == 0.5
    assert equal_error_rate([1.0, 2.0, 3.0], [False, True, True]) == (0.0, 1.5)
    assert equal_error_rate([3.0, 2.0], [False, True]).rate == 1.0
    assert min_dcf([1.0, 2.0, 3.0], [False, True, True], 0.01) == 0.0
    assert min_dcf([2.0] * 5, [True, True, False, False, False], 0.01) == 1.0


@pytest.mark.parametrize("distance", [1.0, 2.0, 4.0])
def test_gaussian_scores_have_the_errors_of_the_closed_form(distance: float) -> None:
    count = 200_000
    labels = np.arange(2 * count) < count
    scores = np.random.default_rng(0).normal(size=2 * count) + distance * labels
    found = equal_error_rate(scores, labels)
    assert found.rate == pytest.approx(stats.norm.cdf(-distance / 2), abs=0.002)
    assert found.threshold == pytest.approx(distance / 2, abs=0.02)
    prior = 0.05
    best = optimize.minimize_scalar(
        lambda t: prior * stats.norm.cdf(t - distance) + (1 - prior) * stats.norm.sf(t),
        bounds=(-5, 10),
        method="bounded",
    )
    assert min_dcf(scores, labels, prior) == pytest.approx(
        best.fun / prior, abs=0.012
    )  # 3 deviations


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([1.0, 2.0], [True, True], "both kinds; there are 2 target and 0 non-target trials"),
        ([1.0, 2.0], [False, False], "both kinds; there are 0 target and 2 non-target trials"),
        ([], [], "both kinds; there are 0 target and 0 non-target trials"),
        ([1.0, float("nan"), 0.0], [True, False, True], "score 2 of 3 is nan"),
        ([1.0, 0.0, -np.inf], [True, False, True], "score 3 of 3 is -inf"),
        ([1.0, 2.0], [True], r"scores \(2,\) and labels \(1,\): expected a row of equal lengths"),
    ],
)
def test_trials_without_error_rates_are_refused(
    scores: list[float], labels: list[bool], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        equal_error_rate(scores, labels)


def test_impossible_costs_are_refused() -> None:
    scores, labels = [1.0, 2.0], [False, True]
    for prior in (0.0, 1.0, float("nan")):
        with pytest.raises(UserError, match="expected a probability between 0 and 1"):
            min_dcf(scores, labels, prior)
    with pytest.raises(UserError, match=r"costs 0 and 1.0: expected positive numbers"):
        min_dcf(scores, labels, 0.5, c_miss=0)
