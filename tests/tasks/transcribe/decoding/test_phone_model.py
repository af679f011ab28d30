"""Mixtures of n-gram models, and what is left of one when it is pruned."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.phone_model import best_weights, log_probs, mixed, pruned
from bossline.tasks.transcribe.decoding.automaton import Automaton
from bossline.tasks.transcribe.decoding.ngram import Ngram, estimate

SYMBOLS = 20


def text(count: int, seed: int) -> list[list[int]]:
    """Strings of symbols of which each prefers one to follow, another by another seed."""
    draws, found = np.random.default_rng(seed), list[list[int]]()
    liked = draws.permutation(SYMBOLS) + 1
    for length in draws.integers(1, 12, count):
        string = [int(draws.integers(1, SYMBOLS + 1))]
        for _ in range(length):
            often = draws.random() < 0.8
            string.append(int(liked[string[-1] - 1] if often else draws.integers(1, SYMBOLS + 1)))
        found.append(string)
    return found


@pytest.fixture(scope="module")
def models() -> list[Ngram]:
    return [estimate(text(200, seed), SYMBOLS, 3) for seed in (1, 2)]


def size(model: Ngram) -> int:
    return sum(len(level.grams) for level in model.levels)


def test_a_mixture_is_as_probable_as_its_parts_say(models: list[Ngram]) -> None:
    both = mixed(models, [0.3, 0.7])
    grams = both.levels[2].grams
    expected = 0.3 * np.exp(log_probs(models[0], grams)) + 0.7 * np.exp(log_probs(models[1], grams))
    assert np.exp(log_probs(both, grams)) == pytest.approx(expected)
    sums = Automaton.of(both).log_probs.exp().sum(1)
    assert torch.allclose(sums, torch.ones(len(sums)), atol=1e-5)


def test_weights_find_whose_strings_they_are(models: list[Ngram]) -> None:
    assert best_weights(models, text(100, 2))[1] > 0.9
    both = text(200, 1)[::2] + text(200, 2)[::2]
    assert best_weights(models, both) == pytest.approx([0.5, 0.5], abs=0.1)


def test_pruning_takes_what_costs_least(models: list[Ngram]) -> None:
    strings = text(300, 1)
    whole = mixed(models, [0.5, 0.5])
    assert size(pruned(whole, 0.0)) <= size(whole)
    few, fewer = pruned(whole, 1e-6), pruned(whole, 1e-2)
    assert size(whole) > size(few) > size(fewer) >= sum(map(len, (whole.levels[0].grams,)))
    lengths = torch.tensor([len(string) for string in strings])
    symbols = torch.nn.utils.rnn.pad_sequence([torch.tensor(s) for s in strings], batch_first=True)
    tables = [Automaton.of(model) for model in (whole, few, fewer)]
    perplexities = [table.perplexity(symbols, lengths) for table in tables]
    assert perplexities[0] < perplexities[1] * 1.01 < perplexities[2] * 1.01
    assert perplexities[1] < perplexities[0] * 1.05
    for table in tables:
        sums = table.log_probs.exp().sum(1)
        assert torch.allclose(sums, torch.ones(len(sums)), atol=1e-5)
