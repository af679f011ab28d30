from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bossline.tasks.transcribe.decoding.extents import extents


def best_cuts(labels: np.ndarray, symbols: list[int], moments: list[int]) -> float:
    """The best score of a labelling in which every symbol is said at its moment, by trying all
    cuts."""
    total = 0.0
    edges = [0, *moments, len(labels)]
    said = [0, *symbols, 0]
    for begin, stop, before, behind in zip(edges[:-1], edges[1:], said[:-1], said[1:], strict=True):
        best = -np.inf
        least = begin + (before > 0)
        for leave, come in itertools.combinations_with_replacement(range(least, stop + 1), 2):
            score = labels[begin:leave, before].sum() + labels[leave:come, 0].sum()
            best = max(best, score + labels[come:stop, behind].sum())
        total += best
    return total


def score_of(labels: np.ndarray, symbols: list[int], starts: list[int], ends: list[int]) -> float:
    units = np.zeros(len(labels), int)
    for symbol, start, end in zip(symbols, starts, ends, strict=True):
        units[start:end] = symbol
    return float(labels[np.arange(len(labels)), units].sum())


@given(seed=st.integers(0, 10_000))
def test_the_best_of_all_cuts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths, counts = [9, 6], [3, int(rng.integers(0, 3))]
    labels = np.log(rng.dirichlet(np.ones(4), (2, 9)))
    symbols = np.zeros((2, 3), np.int64)
    moments = np.zeros((2, 3), np.int64)
    for row in range(2):
        symbols[row, : counts[row]] = rng.integers(1, 4, counts[row])
        moments[row, : counts[row]] = np.sort(rng.choice(lengths[row], counts[row], replace=False))
    arrays = (torch.tensor(one) for one in (labels, lengths, symbols, counts, moments))
    starts, ends = (one.numpy() for one in extents(*arrays))
    for row, (length, count) in enumerate(zip(lengths, counts, strict=True)):
        said, at = symbols[row, :count].tolist(), moments[row, :count].tolist()
        first, beyond = starts[row, :count].tolist(), ends[row, :count].tolist()
        assert all(a <= m < b for a, m, b in zip(first, at, beyond, strict=True))
        assert all(a >= b for a, b in zip(first[1:], beyond, strict=False))
        found = score_of(labels[row, :length], said, first, beyond)
        # The push to the middle may cost a little.
        assert found == pytest.approx(best_cuts(labels[row, :length], said, at), abs=1e-2)
        assert not starts[row, count:].any()
        assert not ends[row, count:].any()


def test_symbols_that_nothing_tells_apart_meet_in_the_middle() -> None:
    labels = torch.log(torch.tensor([[0.1, 0.9]])).expand(1, 20, 2).clone()
    starts, ends = extents(
        labels, torch.tensor([20]), torch.tensor([[1, 1]]), torch.tensor([2]),
        torch.tensor([[4, 14]]),
    )  # fmt: skip
    assert starts.tolist() == [[0, 9]]
    assert ends.tolist() == [[9, 20]]


def test_moments_that_are_shared_are_moved_apart() -> None:
    labels = torch.zeros(2, 5, 3)
    starts, ends = extents(
        labels, torch.tensor([5, 2]), torch.tensor([[1, 2, 1], [1, 2, 1]]), torch.tensor([3, 3]),
        torch.tensor([[4, 4, 4], [0, 0, 0]]),
    )  # fmt: skip
    assert (ends[0] > starts[0]).all()
    assert (starts[0, 1:] >= ends[0, :-1]).all()
    assert not starts[1].any()  # three symbols in two frames
    assert not ends[1].any()
