from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossline.figures.lengths import MOST_BINS, accuracy_by_length, length_bins


@given(st.integers(1, 900), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_bins_cut_the_sorted_lengths(count: int, distinct: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    seconds = generator.integers(1, distinct + 1, count) / 10
    correct = generator.random(count) < 0.6
    bins = length_bins(seconds, correct)
    assert len(bins) <= MOST_BINS
    assert sum(b.count for b in bins) == count
    for before, after in pairwise(bins):
        assert before.longest < after.shortest
    for b in bins:
        inside = (seconds >= b.shortest) & (seconds <= b.longest)
        assert b.count == inside.sum()
        assert b.accuracy.value == correct[inside].mean()


@given(st.integers(40, 2000), st.integers(0, 2**32 - 1))
def test_bins_of_different_lengths_are_equally_full(count: int, seed: int) -> None:
    seconds = np.random.default_rng(seed).permutation(count) / 7
    counts = [b.count for b in length_bins(seconds, np.ones(count, bool))]
    assert len(counts) == min(5, count // 40)
    assert max(counts) - min(counts) <= 1


def test_a_length_that_many_share_takes_none_of_its_neighbours() -> None:
    seconds = np.concatenate([np.linspace(2, 3.9, 600), np.full(400, 4.0)])
    found = [(b.count, b.longest) for b in length_bins(seconds, np.ones(1000, bool))]
    assert [count for count, _ in found] == [200, 200, 200, 400]
    assert found[2][1] == 3.9


def test_one_length_is_one_bin() -> None:
    (only,) = length_bins(np.full(500, 3.0), np.arange(500) < 400)
    assert (only.shortest, only.longest, only.count) == (3.0, 3.0, 500)
    assert only.accuracy.value == 0.8


def test_picture_shows_bins_and_the_accuracy_of_all() -> None:
    generator = np.random.default_rng(0)
    seconds, correct = generator.gamma(2, 3, 500), generator.random(500) < 0.7
    bins = length_bins(seconds, correct)
    axes = accuracy_by_length(bins).axes[0]
    mean, dots = axes.lines
    assert np.asarray(mean.get_ydata()) == pytest.approx([correct.mean()] * 2)
    assert list(np.asarray(dots.get_ydata())) == [b.accuracy.value for b in bins]
    ends = [np.asarray(path.vertices)[:, 1].tolist() for path in axes.collections[0].get_paths()]
    assert ends == [[b.accuracy.low, b.accuracy.high] for b in bins]
    first = axes.get_xticklabels()[0].get_text()
    assert first == f"{seconds.min():.1f}–{bins[0].longest:.1f}\n({bins[0].count})"
