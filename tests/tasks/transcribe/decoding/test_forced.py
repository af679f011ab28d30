"""Forced alignments, against all paths of the string."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bossline.tasks.transcribe.decoding.forced import forced_spans
from tests.tasks.transcribe.decoding.enumeration import (
    collapsed,
    path_probabilities,
    random_log_probs,
)

strings = st.lists(st.integers(1, 2), max_size=5)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(strings, st.integers(1, 6)), min_size=1, max_size=4), st.integers(0, 99))
def test_the_best_of_all_paths(utterances: list[tuple[list[int], int]], seed: int) -> None:
    log_probs = random_log_probs(len(utterances), 6, 3, seed=seed)
    symbols = torch.full((len(utterances), 5), 2)
    for row, (string, _) in zip(symbols, utterances, strict=True):
        row[: len(string)] = torch.tensor(string, dtype=torch.int64)
    lengths = torch.tensor([length for _, length in utterances])
    sizes = torch.tensor([len(string) for string, _ in utterances])
    found = forced_spans(log_probs, lengths, symbols, sizes)
    for row, (string, length) in enumerate(utterances):
        own = {
            path: probability
            for path, probability in path_probabilities(log_probs[row, :length].double().numpy())
            if collapsed(path) == tuple(string)
        }
        assert bool(found.feasible[row]) == bool(own)
        starts, ends = found.starts[row].tolist(), found.ends[row].tolist()
        if not own:
            assert found.scores[row] == -math.inf
            assert not any(starts + ends)
            continue
        assert found.scores[row] == pytest.approx(math.log(max(own.values())), abs=1e-5)
        path = [0] * length
        for place, symbol in enumerate(string):
            assert starts[place] < ends[place] <= length
            path[starts[place] : ends[place]] = [symbol] * (ends[place] - starts[place])
            mean = log_probs[row, starts[place] : ends[place], symbol].exp().mean()
            assert found.posteriors[row, place] == pytest.approx(float(mean), abs=1e-5)
        assert all(end <= start for end, start in pairwise(_edges(starts, ends, len(string))))
        assert own[tuple(path)] == pytest.approx(max(own.values()), rel=1e-4)
        assert not any(starts[len(string) :] + ends[len(string) :])


def _edges(starts: list[int], ends: list[int], count: int) -> list[int]:
    return [edge for pair in zip(starts[:count], ends[:count], strict=True) for edge in pair]


def test_too_few_frames_for_a_repeat() -> None:
    log_probs = random_log_probs(2, 3, 3)
    symbols = torch.tensor([[1, 1, 2], [1, 2, 1]])
    found = forced_spans(log_probs, torch.tensor([3, 3]), symbols, torch.tensor([3, 3]))
    assert found.feasible.tolist() == [False, True]
    assert found.starts[1].tolist() == [0, 1, 2]
    assert found.ends[1].tolist() == [1, 2, 3]
