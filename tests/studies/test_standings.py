"""Entries of several seeds, and where they stand."""

from __future__ import annotations

import numpy as np
import pytest

from bossline.evaluation.classification import ClassificationScores
from bossline.evaluation.comparison import holm_adjusted, paired_difference
from bossline.studies.standings import Entry, Standings

LENGTHS = np.random.default_rng(9).integers(5, 40, 60)


def scored(accuracy: float, seed: int) -> ClassificationScores:
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 4, LENGTHS.sum())
    right = rng.random(len(true)) < accuracy
    ids = tuple(f"u{k}" for k in range(len(LENGTHS)))
    return ClassificationScores.of(ids, LENGTHS, true, np.where(right, true, (true + 1) % 4), 4)


def entry(name: str, accuracy: float, *seeds: int) -> Entry:
    return Entry(name, (), tuple(scored(accuracy, seed) for seed in seeds))


def test_a_single_seed_keeps_its_interval() -> None:
    alone = entry("a", 0.7, 1)
    assert alone.score == alone.scores[0].score


def test_several_seeds_are_their_mean_with_a_wider_interval_where_they_disagree() -> None:
    alike = Entry("alike", (), (scored(0.7, 1), scored(0.7, 2), scored(0.7, 3)))
    apart = Entry("apart", (), (scored(0.5, 1), scored(0.7, 2), scored(0.9, 3)))
    for several in (alike, apart):
        mean = np.mean([scores.score.value for scores in several.scores])
        accuracy = several.score
        assert accuracy.value == pytest.approx(mean)
        assert accuracy.low < accuracy.value < accuracy.high
    widths = [e.score.high - e.score.low for e in (alike, apart)]
    assert widths[1] > 3 * widths[0]


def test_standings_are_paired_differences_adjusted_together() -> None:
    first = entry("a", 0.7, 1, 2)
    others = [entry("b", 0.8, 3, 4), entry("c", 0.7, 5, 6), entry("d", 0.6, 7)]
    standings = Standings.of(first, others)
    found = [paired_difference(other.scores, first.scores) for other in others]
    assert list(standings.comparisons) == holm_adjusted(found)
    assert [e.name for e in standings.entries] == ["a", "b", "c", "d"]
    alone = Standings.of(first, others[:1])
    assert list(alone.comparisons) == found[:1]
