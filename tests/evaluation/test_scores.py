"""ClassificationScores against scikit-learn and plain counting."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from bossline.evaluation.classification import (
    ClassificationScores,
    confusion_matrix,
    precision_recall_f1,
)
from bossline.evaluation.intervals import mean_interval

CLASSES = 5


@st.composite
def predictions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lengths = np.array(draw(st.lists(st.integers(1, 20), min_size=1, max_size=8)))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    true, predicted = rng.integers(0, CLASSES, (2, lengths.sum()))
    return lengths, true, predicted


@given(predictions())
def test_scores_equal_scikit_learns(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    lengths, true, predicted = case
    names = tuple(f"u{k}" for k in range(len(lengths)))
    scores = ClassificationScores.of(names, lengths, true, predicted, CLASSES)
    labels = list(range(CLASSES))
    expected = metrics.confusion_matrix(true, predicted, labels=labels)
    np.testing.assert_array_equal(scores.confusion, expected)
    assert scores.score.value == pytest.approx(metrics.accuracy_score(true, predicted))
    present = sorted(set(true))
    assert scores.macro_f1 == pytest.approx(
        metrics.f1_score(true, predicted, labels=present, average="macro", zero_division=0)
    )
    pieces = np.split(true == predicted, np.cumsum(lengths)[:-1])
    assert scores.sums == tuple(int(piece.sum()) for piece in pieces)
    assert scores.count == len(true)


@given(predictions())
def test_per_class_scores_equal_scikit_learns(
    case: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    _, true, predicted = case
    ours = precision_recall_f1(confusion_matrix(true, predicted, CLASSES))
    theirs = metrics.precision_recall_fscore_support(
        true, predicted, labels=list(range(CLASSES)), zero_division=0
    )
    np.testing.assert_allclose(ours, theirs[:3])


@given(predictions(), st.lists(st.integers(1, 7), max_size=3))
def test_pooled_scores_are_those_of_the_union(
    case: tuple[np.ndarray, np.ndarray, np.ndarray], cuts: list[int]
) -> None:
    lengths, true, predicted = case
    names = np.array([f"u{k}" for k in range(len(lengths))])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    bounds = sorted({0, len(lengths), *(cut for cut in cuts if cut < len(lengths))})
    parts = []
    for start, stop in pairwise(bounds):
        frames = slice(starts[start], starts[stop])
        parts.append(
            ClassificationScores.of(
                tuple(names[start:stop]),
                lengths[start:stop],
                true[frames],
                predicted[frames],
                CLASSES,
            )
        )
    assert ClassificationScores.pooled(parts) == ClassificationScores.of(
        tuple(names), lengths, true, predicted, CLASSES
    )


def test_what_cannot_be_pooled() -> None:
    one = np.ones(1, np.int64)
    scores = ClassificationScores.of(("a",), one, one, one, 3)
    for other, message in (
        (scores, "occurs twice"),
        (ClassificationScores.of(("b",), one, one, one, 4), "one unit and of the same classes"),
        (
            ClassificationScores.of(("b",), one, one, one, 3, "utterances"),
            "one unit and of the same classes",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            ClassificationScores.pooled([scores, other])
    with pytest.raises(ValueError, match="expected scores"):
        ClassificationScores.pooled([])


def test_interval_equals_a_plain_bootstrap_loop() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(50, 400, 60)
    correct = rng.binomial(lengths, rng.beta(8, 3, 60))
    ours = mean_interval(correct, lengths)
    redrawn = []
    for _ in range(4000):
        chosen = rng.integers(0, 60, 60)
        redrawn.append(correct[chosen].sum() / lengths[chosen].sum())
    assert ours.value == correct.sum() / lengths.sum()
    assert (ours.low, ours.high) == pytest.approx(np.quantile(redrawn, [0.025, 0.975]), abs=0.005)


def test_interval_is_wider_than_if_frames_were_independent() -> None:
    lengths = np.full(100, 300)
    correct = np.where(np.arange(100) % 2, 270, 150)  # good and bad utterances
    interval = mean_interval(correct, lengths)
    p = interval.value
    independent = 2 * 1.96 * np.sqrt(p * (1 - p) / lengths.sum())
    assert interval.high - interval.low > 4 * independent


def test_interval_of_equal_utterances_has_no_width() -> None:
    interval = mean_interval([30, 30, 30], [40, 40, 40])
    assert (interval.low, interval.value, interval.high) == (0.75, 0.75, 0.75)
