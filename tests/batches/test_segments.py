from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bossline.batches.segments import SegmentConfig

CPU = torch.device("cpu")
LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=20)


def named(lengths: list[int]) -> list[np.ndarray]:
    """Frames that say whose they are and where they stood."""
    return [
        np.stack([np.full(length, u), np.arange(length)], axis=1).astype(np.float32)
        for u, length in enumerate(lengths)
    ]


@given(
    lengths=LENGTHS,
    frames=st.integers(1, 70),
    size=st.integers(2, 9),
    step=st.integers(0, 50),
    balanced=st.booleans(),
)
def test_a_segment_is_a_stretch_of_its_utterance(
    lengths: list[int], frames: int, size: int, step: int, balanced: bool
) -> None:
    config = SegmentConfig(frames=frames, size=size, balanced=balanced)
    opened = config.open(named(lengths), CPU, np.arange(len(lengths)) % 3)
    batch, indices = opened.batch(3, 1, step)
    assert len(indices) == size
    for row, length, u in zip(batch.frames, batch.lengths.tolist(), indices.tolist(), strict=True):
        assert length == min(lengths[u], frames)
        assert (row[:length, 0] == u).all()
        assert (row[:length, 1].diff() == 1).all()
        assert 0 <= row[0, 1] <= lengths[u] - length
        assert not row[length:].any()
    again = config.open(named(lengths), CPU, np.arange(len(lengths)) % 3).batch(3, 1, step)
    assert torch.equal(again[0].frames, batch.frames)
    assert torch.equal(again[1], indices)


@given(
    count=st.integers(1, 30),
    size=st.integers(2, 9),
    valid_every=st.integers(1, 7),
    seed=st.integers(0, 99),
)
def test_every_utterance_comes_once_before_any_comes_again(
    count: int, size: int, valid_every: int, seed: int
) -> None:
    config = SegmentConfig(frames=2, size=size, valid_every=valid_every)
    opened = config.open(named([3] * count), CPU)
    steps = -(-3 * count // size)
    drawn = torch.cat(
        [opened.batch(seed, step // valid_every, step % valid_every)[1] for step in range(steps)]
    )
    for turn in range(3):
        assert sorted(drawn[turn * count : (turn + 1) * count].tolist()) == list(range(count))


def test_starts_are_anywhere_and_balance_is_of_speakers() -> None:
    groups = np.array([0] * 9 + [1])
    config = SegmentConfig(frames=4, size=64, balanced=True)
    opened = config.open(named([7] * 10), CPU, groups)
    batches = [opened.batch(0, 0, step) for step in range(100)]
    indices = torch.cat([indices for _, indices in batches])
    assert float((indices == 9).float().mean()) == pytest.approx(0.5, abs=0.03)
    starts = torch.cat([batch.frames[:, 0, 1] for batch, _ in batches]).long()
    assert torch.bincount(starts).tolist() == pytest.approx([1600] * 4, abs=150)


@given(lengths=LENGTHS, frames=st.integers(1, 70), views=st.integers(0, 5))
def test_a_pass_shows_every_utterance_whole_or_in_views_from_end_to_end(
    lengths: list[int], frames: int, views: int
) -> None:
    opened = SegmentConfig(frames=frames, views=views).open(named(lengths), CPU)
    starts: dict[int, list[int]] = {u: [] for u in range(len(lengths))}
    for batch, indices in opened.in_order():
        for row, length, u in zip(
            batch.frames, batch.lengths.tolist(), indices.tolist(), strict=True
        ):
            assert length == (min(lengths[u], frames) if views else lengths[u])
            assert row[:length, 1].tolist() == list(range(int(row[0, 1]), int(row[0, 1]) + length))
            assert (row[:length, 0] == u).all()
            starts[u].append(int(row[0, 1]))
    for u, found in starts.items():
        slack = max(lengths[u] - frames, 0) if views else 0
        expected = {0: [0], 1: [slack // 2]}.get(
            views, [slack * view // max(views - 1, 1) for view in range(views)]
        )
        assert sorted(found) == expected
