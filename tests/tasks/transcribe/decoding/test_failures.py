"""Strings that fail, against a look at every place of them."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bossline.tasks.transcribe.decoding.failures import (
    LONGEST_PHRASE,
    REPEATS,
    Failures,
    SpeakingRates,
    in_loops,
)
from bossline.tasks.transcribe.decoding.hypotheses import Hypotheses


def loops(string: list[int]) -> bool:
    return any(
        string[begin : begin + phrase] * REPEATS == string[begin : begin + phrase * REPEATS]
        for phrase in range(1, LONGEST_PHRASE + 1)
        for begin in range(len(string) - phrase * REPEATS + 1)
    )


looping = st.builds(
    lambda before, phrase, times, after: before + phrase * times + after,
    st.lists(st.integers(1, 3), max_size=4),
    st.lists(st.integers(1, 3), max_size=LONGEST_PHRASE + 2),
    st.integers(0, REPEATS + 1),
    st.lists(st.integers(1, 3), max_size=4),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(looping, min_size=1, max_size=6))
def test_loops_at_any_place(strings: list[list[int]]) -> None:
    lengths = torch.tensor([len(string) for string in strings])
    symbols = torch.ones(len(strings), int(lengths.max()) + 5, dtype=torch.int64)
    for row, string in zip(symbols, strings, strict=True):
        row[: len(string)] = torch.tensor(string, dtype=torch.int64)
    assert in_loops(symbols, lengths).tolist() == [loops(string) for string in strings]


def test_each_kind_of_failure() -> None:
    rates = SpeakingRates.of(torch.tensor([4, 10]), torch.tensor([40, 50]))
    assert (rates.least, rates.greatest) == (0.1, 0.2)
    lengths = torch.tensor([7, 6, 30, 31, 14, 0])
    symbols = torch.arange(40).repeat(6, 1) + 1
    symbols[4, 2:10] = torch.tensor([5, 6] * 4)
    ended = torch.tensor([True, True, True, True, True, False])
    found = Hypotheses(
        symbols.unsqueeze(1), lengths.unsqueeze(1), torch.zeros(6, 1), ended.unsqueeze(1)
    )
    failures = Failures.of(found, torch.full((6,), 100), rates)
    assert failures.short.tolist() == [False, True, False, False, False, True]
    assert failures.long.tolist() == [False, False, False, True, False, False]
    assert failures.loops.tolist() == [False, False, False, False, True, False]
    assert failures.unended.tolist() == [False, False, False, False, False, True]
    assert failures.failed.tolist() == [False, True, False, True, True, True]
