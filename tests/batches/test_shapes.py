from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossline.batches import shapes
from bossline.batches.shapes import MOST_SHAPES, Buckets, best_ends

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=40).map(np.array)


def padded(ascending: np.ndarray, ends: tuple[int, ...]) -> int:
    """Frames of all parts, each padded to its longest."""
    starts = (0, *ends[:-1])
    return sum(
        (end - start) * int(ascending[end - 1]) for start, end in zip(starts, ends, strict=True)
    )


@given(
    ascending=st.lists(st.integers(1, 20), min_size=1, max_size=8).map(sorted).map(np.array),
    most=st.integers(1, 5),
    least=st.integers(0, 60),
)
def test_no_division_pads_less(ascending: np.ndarray, most: int, least: int) -> None:
    count = len(ascending)
    ends = tuple(best_ends(ascending, most, least))
    assert len(ends) <= most
    tried = [
        (*cuts, count)
        for parts in range(min(most, count))
        for cuts in combinations(range(1, count), parts)
    ]
    # A part ends with the last of those of one length.
    large = [
        division
        for division in tried
        if min(part.sum() for part in np.split(ascending, division[:-1])) >= least
        and all(ascending[end - 1] < ascending[end] for end in division[:-1])
    ]
    assert padded(ascending, ends) == min(
        (padded(ascending, division) for division in large), default=padded(ascending, (count,))
    )


def test_of_very_many_lengths_a_division_is_nearly_the_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ascending = np.sort(np.random.default_rng(0).integers(100, 1700, 5000))
    found = padded(ascending, tuple(best_ends(ascending, 11)))
    monkeypatch.setattr(shapes, "_MOST_ENDS", 5000)
    assert found <= 1.002 * padded(ascending, tuple(best_ends(ascending, 11)))


@given(
    lengths=LENGTHS,
    frames=st.integers(1, 300),
    mixing=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_an_epoch_has_every_utterance_once_in_the_same_few_shapes(
    lengths: np.ndarray, frames: int, mixing: bool, seed: int
) -> None:
    buckets = Buckets(lengths, frames, mixing)
    epochs = [buckets.in_order(), *(buckets.shuffled(np.random.default_rng(seed)) for _ in "ab")]
    for batches in epochs:
        assert sorted(np.concatenate([batch for batch, _ in batches])) == list(range(len(lengths)))
        assert all(0 < lengths[batch].max() <= steps for batch, steps in batches)
        assert {(len(batch), steps) for batch, steps in batches} == buckets.shapes
        assert len(batches) == len(buckets)
        filled = sum(len(batch) * steps for batch, steps in batches)
        assert buckets.padding == pytest.approx(1 - lengths.sum() / filled)
    assert len(buckets.shapes) <= MOST_SHAPES


@pytest.mark.parametrize("frames", [4000, 8000, 12_000, 16_000])
def test_little_padding_and_equal_batches_on_lengths_like_librispeechs(frames: int) -> None:
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.normal(620, 250, 3000), 139, 998).astype(np.int64)
    buckets = Buckets(lengths, frames, mixing=True)
    assert buckets.padding < 0.06
    assert abs(len(buckets) - lengths.sum() / frames) < 0.03 * len(buckets)
    held = np.array([lengths[batch].sum() for batch, _ in buckets.shuffled(rng)])
    assert held.max() < 1.3 * frames
    assert np.quantile(abs(held / frames - 1), 0.9) < 0.15


def test_epochs_mix_utterances() -> None:
    lengths = np.random.default_rng(0).integers(100, 1000, 400)
    buckets = Buckets(lengths, 8000, mixing=True)

    def met(seed: int) -> set[frozenset[int]]:
        batches = buckets.shuffled(np.random.default_rng(seed))
        return {frozenset(pair) for batch, _ in batches for pair in combinations(batch.tolist(), 2)}

    first, second = met(0), met(1)
    assert first == met(0)
    assert len(first & second) < 0.4 * len(first)
