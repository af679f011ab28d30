from __future__ import annotations

import numpy as np
import pytest

from bossline.core.errors import UserError
from bossline.evaluation.classification import ClassificationScores
from bossline.evaluation.comparison import paired_difference


def scores(
    accuracy: float, seed: int, utterances: int = 60, order: int = 1
) -> ClassificationScores:
    """Random hits at a given rate; the same utterances whatever the seed."""
    lengths = np.random.default_rng(7).integers(50, 400, utterances)
    right = np.random.default_rng(seed).random(int(lengths.sum())) < accuracy
    parts = np.split(right, np.cumsum(lengths)[:-1])[::order]
    true = np.zeros(int(lengths.sum()), np.int64)
    return ClassificationScores.of(
        tuple(f"u{k:03d}" for k in range(utterances))[::order],
        lengths[::order],
        true,
        np.where(np.concatenate(parts), 0, 1),
        classes=2,
    )


def test_difference_is_that_of_the_accuracies() -> None:
    a, b = scores(0.80, 1), scores(0.70, 2)
    found = paired_difference(a, b)
    assert found.difference.value == pytest.approx(a.score.value - b.score.value)
    assert found.difference.low < found.difference.value < found.difference.high
    assert found.verdict == "better"


def test_turned_round_it_is_the_mirror_image() -> None:
    a, b = scores(0.80, 1), scores(0.70, 2)
    there, back = paired_difference(a, b), paired_difference(b, a)
    assert back.verdict == "worse"
    assert back.difference.low == pytest.approx(-there.difference.high)


def test_equal_skill_is_no_evidence() -> None:
    assert paired_difference(scores(0.7, 1), scores(0.7, 2)).verdict == (
        "no evidence of a difference"
    )
    same = paired_difference(scores(0.7, 1), scores(0.7, 1))
    assert (same.difference.low, same.difference.high) == (0, 0)
    assert same.verdict == "no evidence of a difference"


def test_order_of_the_utterances_does_not_matter() -> None:
    a, b = scores(0.8, 1), scores(0.7, 2)
    assert paired_difference(a, scores(0.7, 2, order=-1)) == paired_difference(a, b)


def test_pairing_is_sharper_than_two_intervals() -> None:
    """Utterances differ in difficulty; a small steady gain shows only when paired."""
    generator = np.random.default_rng(3)
    lengths = np.full(80, 200)
    hits = generator.integers(60, 180, 80)

    def of(correct: np.ndarray[tuple[int], np.dtype[np.int64]]) -> ClassificationScores:
        predicted = np.concatenate([np.arange(200) >= c for c in correct]).astype(np.int64)
        names = tuple(map(str, range(80)))
        return ClassificationScores.of(
            names, lengths, np.zeros(80 * 200, np.int64), predicted, classes=2
        )

    low, high = of(hits), of(hits + generator.integers(0, 3, 80))
    assert high.score.low < low.score.high
    assert paired_difference(high, low).verdict == "better"


def test_other_utterances_are_refused() -> None:
    with pytest.raises(UserError, match="different items"):
        paired_difference(scores(0.8, 1), scores(0.8, 1, utterances=59))
