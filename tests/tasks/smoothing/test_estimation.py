from __future__ import annotations

from collections import Counter
from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossline.tasks.smoothing.estimation import estimate

LABELS = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=40), min_size=1, max_size=6)


def runs(labels: list[int]) -> list[tuple[int, int]]:
    return [(phone, len(list(group))) for phone, group in groupby(labels)]


@given(labels=LABELS, longest=st.integers(2, 9))
def test_everything_is_a_probability_and_what_cannot_be_is_0(
    labels: list[list[int]], longest: int
) -> None:
    classes = 5  # the last one is never seen
    model = estimate([np.array(piece) for piece in labels], classes, longest)
    seen = sorted({phone for piece in labels for phone in piece})
    unseen = sorted(set(range(classes)) - set(seen))
    assert model.prior.sum() == pytest.approx(1)
    np.testing.assert_allclose(model.bigram.sum(1), 1)
    np.testing.assert_allclose(model.durations.sum(1), 1)
    assert ((model.stay > 0) & (model.stay < 1)).all()
    assert (model.durations[:, -1] > 0).all()
    assert not model.bigram.diagonal().any()
    assert not model.bigram[-1, -1]
    assert not model.bigram[:, unseen].any()
    assert not model.prior[unseen].any()
    for phone in seen:
        others = [other for other in (*seen, classes) if other != phone]
        assert (model.bigram[phone, others] > 0).all()
    assert (model.bigram[-1, seen] > 0).all()


@given(labels=LABELS)
def test_bigrams_are_counts_smoothed_toward_the_number_of_contexts(labels: list[list[int]]) -> None:
    pairs: Counter[tuple[int, int]] = Counter()
    for piece in labels:
        phones = [4, *(phone for phone, _ in runs(piece)), 4]  # 4: begin as a row, end as a column
        pairs.update(pairwise(phones))
    bigram = estimate([np.array(piece) for piece in labels], 4, 3).bigram
    for row in range(5):
        follows = {c: sum(pairs[r, c] > 0 for r in range(5)) * (c != row) for c in range(5)}
        counts = {c: pairs[row, c] for c in range(5)}
        types = max(sum(count > 0 for count in counts.values()), 1)
        for c in range(5):
            backoff = follows[c] / sum(follows.values())
            expected = (counts[c] + types * backoff) / (sum(counts.values()) + types)
            assert bigram[row, c] == pytest.approx(expected)


def test_durations_of_many_segments_are_their_frequencies() -> None:
    rng = np.random.default_rng(0)
    lengths = 2 + rng.geometric(0.2, 50_000)  # memoryless from 3 on
    labels = np.repeat(np.arange(len(lengths)) % 2, lengths)
    model = estimate([labels], 2, 12)
    expected = [0, 0, *(0.2 * 0.8 ** np.arange(10)), 0.8**10]
    np.testing.assert_allclose(model.durations, [expected, expected], atol=0.01)
    np.testing.assert_allclose(model.stay, 0.8, atol=0.01)


def test_the_minimum_leaves_out_the_rarest_segments() -> None:
    """One stray frame among 2000 segments is an error of the labels, two among 1000 are a fact."""

    def minimum(strays: int, segments: int) -> int:
        lengths = np.full(segments, 4)
        lengths[10 : 10 + 2 * strays : 2] = 1
        durations = estimate([np.repeat(np.arange(segments) % 2, lengths)], 2, 10).durations
        return int(durations[0].nonzero()[0][0]) + 1

    assert minimum(1, 4000) == 4
    assert minimum(2, 2000) == 1


def test_cut_segments_count_only_for_phones_that_have_no_others() -> None:
    labels = [np.repeat([0, 1, 2, 0], [1, 5, 6, 2])] * 3
    durations = estimate(labels, 3, 8).durations
    firsts = [int(row.nonzero()[0][0]) + 1 for row in durations]
    assert firsts == [1, 5, 6]
    with_inner = [*labels, np.repeat([1, 0, 1], [1, 7, 2])]
    assert estimate(with_inner, 3, 8).durations[0].nonzero()[0].tolist() == [6, 7, 8]


def test_durations_between_observed_ones_are_possible() -> None:
    durations = estimate([np.repeat([1, 0, 1, 0, 1], [3, 2, 3, 9, 3])], 2, 12).durations
    assert not durations[0, 0]
    assert (durations[0, 1:] > 0).all()
    assert min(durations[0, [1, 8]]) > max(durations[0, 2:8])
