"""Probabilities of prefixes, against the sum over all strings that begin with them."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from bossline.tasks.transcribe.decoding.ctc_prefix import PrefixScorer, kept_prefixes
from tests.tasks.transcribe.decoding.enumeration import (
    String,
    all_strings,
    random_log_probs,
    string_probabilities,
)

LENGTHS = torch.tensor([5, 3, 1, 4])


def close(score: float, probability: float) -> bool:
    if probability == 0:
        return score == -math.inf
    return score == pytest.approx(math.log(probability), abs=1e-5)


def test_all_prefixes_of_all_strings() -> None:
    log_probs = random_log_probs(4, 5, 3)
    scorer = PrefixScorer.of(log_probs, LENGTHS)
    exact = [
        string_probabilities(log_probs[row, :length].double().numpy())
        for row, length in enumerate(LENGTHS.tolist())
    ]
    # A beam of all strings of one length, from the empty one on.
    prefixes: list[String] = [()]
    state = scorer.start(1)
    for _ in range(5):
        scores = scorer.scores(state)
        assert scores.dtype == torch.float32
        for row, table in enumerate(exact):
            for place, prefix in enumerate(prefixes):
                found = scores[row, place].tolist()
                assert close(found[0], table.get(prefix, 0))
                for symbol in (1, 2):
                    longer = (*prefix, symbol)
                    parts = (p for s, p in table.items() if s[: len(longer)] == longer)
                    assert close(found[symbol], sum(parts))
        parents = torch.arange(len(prefixes)).repeat_interleave(2).expand(4, -1)
        symbols = torch.tensor([1, 2]).repeat(len(prefixes)).expand(4, -1)
        state = scorer.advanced(state, parents, symbols)
        prefixes = [(*prefix, symbol) for prefix in prefixes for symbol in (1, 2)]


def test_a_prefix_is_as_probable_as_all_that_it_may_become() -> None:
    log_probs = random_log_probs(3, 80, 6, seed=1)
    scorer = PrefixScorer.of(log_probs, torch.tensor([80, 33, 57]))
    state = scorer.start(2)
    symbols = torch.randint(1, 6, (3, 20, 2), generator=torch.Generator().manual_seed(2))
    before = torch.zeros(3, 2)
    for k in range(20):
        scores = scorer.scores(state)
        assert torch.allclose(scores.logsumexp(2), before, atol=1e-4)
        before = scores.gather(2, symbols[:, k].unsqueeze(2)).squeeze(2)
        state = scorer.advanced(state, torch.arange(2).expand(3, 2), symbols[:, k])


def test_long_utterances_do_not_underflow() -> None:
    symbols = torch.randint(1, 30, (2, 120), generator=torch.Generator().manual_seed(4))
    path = functional.pad(symbols.unsqueeze(2), (0, 6)).flatten(1)  # a symbol, then six blanks
    log_probs = random_log_probs(2, 840, 30, seed=3, scale=0.5)
    log_probs = (log_probs + 2 * functional.one_hot(path, 30)).log_softmax(2)
    lengths = torch.tensor([840, 836])
    scorer = PrefixScorer.of(log_probs, lengths)
    state = scorer.start(1)
    for k in range(120):
        state = scorer.advanced(state, torch.zeros(2, 1, dtype=torch.int64), symbols[:, k : k + 1])
    losses = functional.ctc_loss(
        log_probs.transpose(0, 1).double(),
        symbols,
        lengths,
        torch.tensor([120, 120]),
        reduction="none",
    )
    assert losses.min() > 800  # e^-745 is the least that float64 holds
    assert torch.allclose(scorer.scores(state)[:, 0, 0].double(), -losses, rtol=1e-5)


def test_utterances_that_stay_are_scored_as_before() -> None:
    log_probs = random_log_probs(4, 9, 4, seed=5)
    scorer = PrefixScorer.of(log_probs, torch.tensor([9, 4, 6, 8]))
    chosen = torch.tensor([[1, 2], [3, 1], [2, 2], [1, 3]])
    state = scorer.advanced(scorer.start(2), torch.zeros(4, 2, dtype=torch.int64), chosen)
    kept = torch.tensor([1, 3])
    fewer = scorer.kept(kept).scores(kept_prefixes(state, kept))
    assert torch.equal(fewer, scorer.scores(state)[kept])


def test_parents_are_those_named() -> None:
    log_probs = random_log_probs(1, 9, 4, seed=6)
    scorer = PrefixScorer.of(log_probs, torch.tensor([9]))
    two = scorer.advanced(scorer.start(2), torch.tensor([[0, 1]]), torch.tensor([[1, 2]]))
    crossed = scorer.advanced(two, torch.tensor([[1, 0]]), torch.tensor([[2, 2]]))
    (scores,) = scorer.scores(crossed)[..., 0].tolist()
    for score, string in zip(scores, ([2, 2], [1, 2]), strict=True):
        loss = functional.ctc_loss(
            log_probs[0], torch.tensor(string), torch.tensor(9), torch.tensor(2), reduction="sum"
        )
        assert score == pytest.approx(-float(loss), abs=1e-4)


def test_enumeration_is_complete() -> None:
    table = string_probabilities(random_log_probs(4, 3).double().numpy())
    assert sum(table.values()) == pytest.approx(1)
    assert set(table) <= set(all_strings(2, 4))
