from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bossline.batches.order import batch_bounds, batch_count, epoch_order


@given(count=st.integers(1, 500), size=st.integers(1, 60))
def test_batches_cut_an_epoch_without_gap_overlap_or_tiny_last_one(count: int, size: int) -> None:
    bounds = [batch_bounds(count, size, step) for step in range(batch_count(count, size))]
    assert [stop for _, stop in bounds[:-1]] == [start for start, _ in bounds[1:]]
    assert (bounds[0][0], bounds[-1][1]) == (0, count)
    sizes = [stop - start for start, stop in bounds]
    assert max(sizes) <= size
    assert max(sizes) - min(sizes) <= 1


@given(count=st.integers(1, 300), seed=st.integers(0, 10**6), epoch=st.integers(0, 1000))
def test_an_order_is_a_permutation_that_only_its_arguments_decide(
    count: int, seed: int, epoch: int
) -> None:
    order = epoch_order(count, seed, epoch)
    assert sorted(order.tolist()) == list(range(count))
    torch.manual_seed(epoch)  # the global generator has no say
    assert torch.equal(order, epoch_order(count, seed, epoch))


@pytest.mark.parametrize("other", [(1, 1), (2, 0), (0, 1)])
def test_another_seed_or_epoch_is_another_order(other: tuple[int, int]) -> None:
    assert not torch.equal(epoch_order(100, 1, 0), epoch_order(100, *other))
