"""Of few items that are alike nothing is certain."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from bossline.evaluation.classification import ClassificationScores
from bossline.evaluation.comparison import paired_difference
from bossline.evaluation.intervals import mean_interval


def right(hits: list[int]) -> ClassificationScores:
    """Of a classifier of images, 1 where it is right."""
    ones = np.ones(len(hits), np.int64)
    ids = tuple(map(str, range(len(hits))))
    return ClassificationScores.of(ids, ones, ones, np.array(hits), 2, "images")


@pytest.mark.parametrize("hits", [0, 4])
def test_a_share_of_items_that_are_alike_has_the_interval_of_so_many_trials(hits: int) -> None:
    found = mean_interval([hits / 4] * 4, [1] * 4, share=True)
    expected = binomtest(hits, 4).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_long_items_count_once_each() -> None:
    assert mean_interval([900, 900], [1000, 1000], share=True).low < 0.5


def test_errors_without_an_upper_end_have_no_interval_and_say_so() -> None:
    assert str(mean_interval([4.0, 4.0], [1, 1])) == "4.0000 [no interval]"


def test_items_that_differ_are_redrawn_as_ever() -> None:
    assert mean_interval([1, 0, 1, 1], [1] * 4, share=True) == mean_interval([1, 0, 1, 1], [1] * 4)


@pytest.mark.parametrize(("items", "verdict"), [(5, "no evidence of a difference"), (6, "better")])
def test_a_verdict_wants_six_items_that_differ(items: int, verdict: str) -> None:
    """As a sign test does: of 5 coins all fall to one side with p = 1/16, of 6 with 1/32."""
    alike = [1] * 20
    found = paired_difference(right([1] * items + alike), right([0] * items + alike))
    assert found.verdict == verdict
    assert found.p >= binomtest(items, items).pvalue
