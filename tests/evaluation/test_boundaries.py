"""Scores of alignments on known answers, and against brute force."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from bossline.core.errors import UserError
from bossline.data.alignments import Interval, IntervalTier
from bossline.evaluation.boundaries import (
    TOLERANCES,
    AlignmentScores,
    Compared,
    alignment_scores,
    boundaries,
    paired,
    r_value,
)
from bossline.evaluation.intervals import wilson_interval


def tier(edges: list[float], labels: str) -> IntervalTier:
    rows = zip(pairwise(edges), labels, strict=True)
    return IntervalTier("p", tuple(Interval(*pair, label) for pair, label in rows if label != " "))


def against(reference: IntervalTier, hypothesis: IntervalTier, end: float = 1) -> Compared:
    return Compared(reference, hypothesis, 0, end)


REFERENCE = tier([0, 0.2, 0.4, 0.6, 0.8, 1], "abcde")


def score(hypothesis: IntervalTier, mapping: str = "none") -> AlignmentScores:
    return alignment_scores([against(REFERENCE, hypothesis)], mapping)


def test_a_perfect_copy_is_perfect() -> None:
    scores = score(REFERENCE)
    for found in scores.boundaries:
        assert found.over_segmentation.value == 0
        for way in (found.strict, found.lenient):
            assert {of.value for of in (way.precision, way.recall, way.f1, way.r_value)} == {1}
    assert scores.phone_error_rate.value == 0
    assert scores.errors is not None
    assert scores.errors.mean_absolute.value == scores.errors.median_absolute == 0
    assert {share.value for share in scores.errors.within.values()} == {1}


@pytest.mark.parametrize("shift", [0.01, -0.01, 0.03])
def test_a_shift_is_its_own_error_and_bias(shift: float) -> None:
    late = IntervalTier(
        "p",
        tuple(
            Interval(one.start + shift, one.end + shift, one.label) for one in REFERENCE.intervals
        ),
    )
    scores = score(late)
    assert scores.errors is not None
    assert scores.errors.mean_absolute.value == pytest.approx(abs(shift))
    assert scores.errors.median_absolute == pytest.approx(abs(shift))
    assert scores.errors.bias.value == pytest.approx(shift)
    assert scores.errors.median_bias == pytest.approx(shift)
    assert scores.errors.within["0.01"].value == (abs(shift) < 0.02)
    assert [found.strict.recall.value for found in scores.boundaries] == [
        float(tolerance >= abs(shift)) for tolerance in TOLERANCES
    ]


def test_edits_are_counted() -> None:
    scores = score(tier([0, 0.2, 0.6, 0.8, 1], "acxe"))
    assert (scores.substitutions, scores.deletions, scores.insertions) == (1, 1, 0)
    assert (scores.phones, scores.matched) == (5, 3)
    assert scores.phone_error_rate.value == pytest.approx(2 / 5)


def test_a_split_boundary_is_lenient_twice_and_strict_once() -> None:
    scores = score(tier([0, 0.2, 0.395, 0.405, 0.6, 0.8, 1], "abxcde"))
    near = scores.boundaries[0]
    assert near.over_segmentation.value == pytest.approx(1 / 4)
    assert near.strict.precision.value == pytest.approx(4 / 5)
    assert near.strict.recall.value == 1
    assert near.strict.f1.value == pytest.approx(8 / 9)
    assert near.strict.r_value.value == pytest.approx(float(r_value(1, 0.25)))
    assert near.lenient.precision.value == near.lenient.f1.value == 1
    assert scores.insertions == 1


def test_the_ends_of_the_recording_are_no_boundaries() -> None:
    hypothesis = tier([0.005, 0.2, 0.4, 0.6, 0.8, 0.992], "abcde")
    assert score(hypothesis).boundaries[0].strict.precision.value == 1
    assert score(tier([0, 0.2, 0.4, 0.6, 0.8, 0.9], "abcde")).boundaries[
        1
    ].strict.precision.value == (pytest.approx(4 / 5))


def test_silence_bounds_whether_it_is_labelled_or_a_gap() -> None:
    labelled, gap = tier([0, 0.2, 0.4, 1], "a_b".replace("_", "s")), tier([0, 0.2, 0.4, 1], "a b")
    assert boundaries(labelled).tolist() == boundaries(gap).tolist() == [0, 0.2, 0.4, 1]


def test_nothing_found_is_zero_and_has_no_errors() -> None:
    scores = score(IntervalTier("p", ()))
    assert scores.errors is None
    assert scores.phone_error_rate.value == 1
    assert scores.boundaries[0].strict.f1.value == 0
    assert scores.boundaries[0].over_segmentation.value == -1


def test_r_value_is_the_papers() -> None:
    """Räsänen et al. in percent: r1 to the ideal, r2 to the line of a recall without insertions."""
    for hit, over in ((100.0, 0.0), (75.0, 50.0), (74.0, -5.0), (20.0, 300.0)):
        r1 = np.hypot(100 - hit, over)
        r2 = (-over + hit - 100) / np.sqrt(2)
        expected = 1 - (abs(r1) + abs(r2)) / 200
        assert float(r_value(hit / 100, over / 100)) == pytest.approx(expected)


TIMES = st.lists(st.integers(0, 60), max_size=8, unique=True).map(lambda many: np.sort(many) / 1000)


@settings(max_examples=100)
@given(TIMES, TIMES, st.sampled_from(TOLERANCES))
def test_no_more_boundaries_can_be_paired(
    reference: np.ndarray, hypothesis: np.ndarray, tolerance: float
) -> None:
    ours = paired(reference, hypothesis, tolerance)
    near = np.abs(reference[:, None] - hypothesis) <= tolerance + 1e-7
    rows, columns = linear_sum_assignment(near, maximize=True)
    assert len(ours) == near[rows, columns].sum()
    assert all(near[r, h] for r, h in ours)
    assert len({r for r, _ in ours}) == len({h for _, h in ours}) == len(ours)


EDGES = st.lists(st.integers(1, 999), min_size=1, max_size=8, unique=True).map(
    lambda many: [0, *sorted(one / 1000 for one in many), 1]
)


@settings(max_examples=60)
@given(EDGES, EDGES)
def test_lenient_scores_against_plain_counting(ours: list[float], theirs: list[float]) -> None:
    one, other = (tier(edges, "x" * (len(edges) - 1)) for edges in (ours, theirs))
    scores = alignment_scores([against(one, other)])
    for found in scores.boundaries:
        limit = found.tolerance + 1e-7
        inner = ours[1:-1]
        near = [edge for edge in theirs if any(abs(edge - true) <= limit for true in inner)]
        put = [edge for edge in theirs if edge in near or limit < edge < 1 - limit]
        hit = [true for true in inner if any(abs(edge - true) <= limit for edge in theirs)]
        precision = len(near) / len(put) if put else 0
        assert found.lenient.recall.value == pytest.approx(len(hit) / len(inner))
        assert found.lenient.precision.value == pytest.approx(precision)
        assert found.lenient.recall.value >= found.strict.recall.value
        assert found.lenient.precision.value >= found.strict.precision.value - 1e-12


def test_recordings_weigh_by_what_is_in_them_and_are_redrawn() -> None:
    good, bad = (
        against(REFERENCE, REFERENCE),
        against(tier([0, 0.5, 1], "ab"), tier([0, 0.7, 1], "xy")),
    )
    scores = alignment_scores([good, good, bad])
    assert scores.phone_error_rate.value == pytest.approx(2 / 12)
    assert scores.boundaries[0].strict.recall.value == pytest.approx(8 / 9)
    assert (scores.phone_error_rate.low, scores.phone_error_rate.high) == (0, 1)
    alone = alignment_scores([good]).phone_error_rate
    assert alone == wilson_interval(0, 1)  # one recording says little


def test_labels_are_mapped() -> None:
    reference, hypothesis = tier([0, 0.2, 0.5, 1], "a b"), tier([0, 0.2, 0.5, 1], "AxB")
    assert alignment_scores([against(reference, hypothesis)]).phone_error_rate.value == 1.5
    one, other = (
        IntervalTier("p", (Interval(0, 0.5, "tcl"), Interval(0.5, 1, "ix"))),
        IntervalTier("p", (Interval(0, 0.5, ""), Interval(0.5, 1, "IH0"))),
    )
    for mapping, phones in {"timit39": 2, "timit38": 1}.items():
        scores = alignment_scores([against(one, other)], mapping)
        assert (scores.phones, scores.phone_error_rate.value) == (phones, 0)


@pytest.mark.parametrize(
    ("compared", "mapping", "message"),
    [
        ([], "none", "no recording to score"),
        ([against(REFERENCE, REFERENCE)], "timit", "no mapping 'timit': did you mean 'timit3"),
        ([against(tier([0, 1], "a"), REFERENCE)], "none", "no boundary in any reference"),
        ([against(tier([0, 0.5, 1], "  "), REFERENCE)], "none", "no boundary in any reference"),
        (
            [against(IntervalTier("p", (Interval(0, 0.5, "sil"),)), REFERENCE)],
            "none", "no phone in any reference",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_scored(compared: list[Compared], mapping: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        alignment_scores(compared, mapping)
