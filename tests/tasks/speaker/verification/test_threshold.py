"""Thresholds: chosen against all candidates, counted, stored, and kept to their scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.tasks.speaker.verification.calibration import (
    Threshold,
    read_threshold,
    threshold_at_eer,
    threshold_at_false_accepts,
    write_threshold,
)

SCORES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
LABELS = [False, False, True, False, True, True]


def test_what_is_counted_at_the_equal_error_rate() -> None:
    threshold = threshold_at_eer(SCORES, LABELS, score_scale="cosine")
    assert threshold.value == pytest.approx(0.35)
    assert (threshold.false_accepts, threshold.nontargets) == (1, 3)
    assert (threshold.false_rejects, threshold.targets) == (1, 3)
    assert threshold.false_accept_rate == threshold.false_reject_rate == pytest.approx(1 / 3)
    assert threshold.trials == 6


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=12).filter(
        lambda rows: len({label for _, label in rows}) == 2
    ),
    st.floats(0, 1),
)
def test_no_lower_threshold_keeps_to_the_false_accept_rate(
    rows: list[tuple[int, bool]], rate: float
) -> None:
    scores, labels = map(np.array, zip(*rows, strict=True))
    found = threshold_at_false_accepts(scores, labels, rate, score_scale="cosine")
    assert found.false_accept_rate <= rate
    allowed = [t for t in [*scores, 6] if (scores[~labels] >= t).mean() <= rate]
    assert found.false_rejects == (scores[labels] < min(allowed)).sum()
    assert found.false_accepts == (scores[~labels] >= min(allowed)).sum()
    np.testing.assert_array_equal(found.accepts(scores, "cosine"), scores >= min(allowed))


def test_a_threshold_lies_half_way_between_scores() -> None:
    for threshold in (
        threshold_at_eer([0.0, 1.0], [False, True], score_scale="cosine"),
        threshold_at_false_accepts([0.0, 1.0], [False, True], 0.01, score_scale="cosine"),
    ):
        assert threshold.value == 0.5
        assert threshold.accepts([[0.4, 0.5], [0.6, 0.0]], "cosine").tolist() == [
            [False, True],
            [True, False],
        ]


def test_narrow_scores_are_judged_as_they_were_counted() -> None:
    low = np.float32(0.1)
    scores = np.array([low, np.nextafter(low, np.float32(1))], np.float32)
    threshold = threshold_at_eer(scores, [False, True], score_scale="cosine")
    assert threshold.accepts(scores, "cosine").tolist() == [False, True]


def test_scores_of_another_kind_are_refused() -> None:
    threshold = threshold_at_eer(SCORES, LABELS, score_scale="cosine")
    message = "a threshold for cosine scores cannot judge as-norm scores"
    with pytest.raises(UserError, match=message):
        threshold.accepts([0.3], "as-norm")


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(UserError, match="expected a share from 0 to 1"):
        threshold_at_false_accepts(SCORES, LABELS, rate, score_scale="cosine")


def test_what_is_stored_is_read(tmp_path: Path) -> None:
    threshold = threshold_at_eer(SCORES, LABELS, score_scale="as-norm")
    write_threshold(tmp_path / "threshold.json", threshold)
    assert read_threshold(tmp_path / "threshold.json") == threshold


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not readable as JSON"),
        ("[]", "content: .* calibrate the threshold again"),
        ('{"value": "x"}', "value: .* calibrate the threshold again"),
    ],
)
def test_a_damaged_threshold_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "threshold.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_threshold(path)


def test_an_unnamed_kind_of_score_is_refused() -> None:
    with pytest.raises(ValueError, match="score_scale"):
        Threshold.of(0.5, SCORES, LABELS, "")
