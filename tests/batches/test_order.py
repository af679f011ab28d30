from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bossline.batches.order import batch_bounds, batch_count, epoch_order


def sizes_of(count: int, size: int) -> list[int]:
    """Of the batches of an epoch, which follow each other without gap or overlap."""
    bounds = [batch_bounds(count, size, step) for step in range(batch_count(count, size))]
    assert [stop for _, stop in bounds[:-1]] == [start for start, _ in bounds[1:]]
    assert (bounds[0][0], bounds[-1][1]) == (0, count)
    return [stop - start for start, stop in bounds]


@given(count=st.integers(1, 500), size=st.integers(1, 60))
def test_batches_cut_an_epoch_into_equal_parts(count: int, size: int) -> None:
    sizes = sizes_of(count, size)
    assert max(sizes) - min(sizes) <= 1
    if size == 1 or count == 1:
        assert sizes == [1] * count
    else:
        assert min(sizes) >= 2
        assert max(sizes) <= size or (max(sizes), size, count % 2) == (3, 2, 1)


@given(count=st.integers(1, 500), size=st.integers(1, 60))
def test_as_few_batches_as_their_size_allows(count: int, size: int) -> None:
    fewest = math.ceil(count / size)
    lonely = size > 1 and 1 < count < 2 * fewest  # some batch of so many would hold one item
    assert len(sizes_of(count, size)) == (fewest - 1 if lonely else fewest)


def test_an_odd_count_in_twos_ends_in_no_batch_of_one() -> None:
    assert sorted(sizes_of(51, 2)) == [2] * 24 + [3]


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
