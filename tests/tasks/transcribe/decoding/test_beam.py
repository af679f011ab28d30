"""Beam search, against all strings of a small decoder."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from bossline.batches.padded import Padded
from bossline.models.decoders import State
from bossline.tasks.transcribe.decoding.automaton import Automaton
from bossline.tasks.transcribe.decoding.beam import MARGIN, BeamConfig, beam_search
from bossline.tasks.transcribe.decoding.ngram import NgramConfig
from tests.tasks.transcribe.decoding.enumeration import (
    String,
    all_strings,
    random_log_probs,
    string_probabilities,
)
from tests.tasks.transcribe.decoding.markov import Markov, MarkovState, memory_of

LENGTHS = [5, 2, 1, 4, 5, 3]
ALONE = BeamConfig(beam=1, ctc_weight=0)


def test_a_beam_of_one_is_greedy() -> None:
    lengths = [draw % 12 + 1 for draw in range(60)]
    decoder = Markov(60, 4, end=-0.5)
    found = beam_search(decoder, memory_of(lengths), ALONE)
    ended = []
    for row, limit in enumerate(lengths):
        expected = decoder.greedy(row, limit)
        assert found.best()[row] == expected
        assert found.scores[row, 0] == pytest.approx(decoder.score(row, tuple(expected)), abs=1e-4)
        ended.append(len(expected) < limit)
    # Only at the limit may a string have been cut.
    assert all(
        by_itself or not done for by_itself, done in zip(found.ended[:, 0], ended, strict=True)
    )
    assert 0 < int(found.ended.sum()) < 60


@pytest.mark.parametrize("penalty", [0.0, 0.8])
def test_a_beam_of_all_strings_finds_the_best(penalty: float) -> None:
    decoder = Markov(6, 2, seed=1)
    config = BeamConfig(beam=100, ctc_weight=0, length_penalty=penalty)
    found = beam_search(decoder, memory_of(LENGTHS), config)
    for row, limit in enumerate(LENGTHS):
        exact = {
            string: score / ((5 + len(string)) / 6) ** penalty
            for string, score in decoder.scores(row, limit).items()
        }
        agree(found.each()[row], found.scores[row].tolist(), exact)


def agree(strings: list[list[int]], scores: list[float], exact: dict[String, float]) -> None:
    """All strings within the margin, in their order."""
    best = sorted(exact.items(), key=lambda pair: -pair[1])
    within = [score for _, score in best if score > best[0][1] - MARGIN]
    assert tuple(strings[0]) == best[0][0]
    assert len(strings) >= len(within)
    assert scores[: len(within)] == pytest.approx(within, abs=1e-4)
    for string, score in zip(strings, scores, strict=False):
        assert score == pytest.approx(exact[tuple(string)], abs=1e-4)


def bigram(symbols: int) -> tuple[Automaton, dict[String, float]]:
    """States are the last symbol; and the scores of strings up to 5 symbols."""
    log_probs = random_log_probs(symbols + 1, symbols + 1, seed=9)
    following = torch.arange(symbols + 1).repeat(symbols + 1, 1)
    exact = {}
    for string in all_strings(symbols, 5):
        path = (0, *string, 0)
        exact[string] = sum(float(log_probs[a, b]) for a, b in pairwise(path))
    return Automaton(log_probs, following, 0), exact


@pytest.mark.parametrize("with_ngram", [False, True])
@pytest.mark.parametrize("weight", [0.0, 0.3, 0.9])
def test_joint_scores_of_all_strings(weight: float, with_ngram: bool) -> None:
    decoder = Markov(6, 2, seed=2)
    ctc = random_log_probs(6, 5, 3, seed=3)
    automaton, of_phones = bigram(2)
    config = BeamConfig(
        beam=100,
        ctc_weight=weight,
        ngram=NgramConfig(order=2, weight=0.7) if with_ngram else None,
    )
    found = beam_search(decoder, memory_of(LENGTHS), config, ctc if weight else None, automaton)
    for row, limit in enumerate(LENGTHS):
        of_ctc = string_probabilities(ctc[row, :limit].double().numpy())
        exact = {}
        for string, score in decoder.scores(row, limit).items():
            if weight and string not in of_ctc:
                continue
            exact[string] = (1 - weight) * score + 0.7 * with_ngram * of_phones[string]
            exact[string] += weight * math.log(of_ctc[string]) if weight else 0
        agree(found.each()[row], found.scores[row].tolist(), exact)


@pytest.mark.parametrize("beam", [1, 2, 4])
def test_scores_of_a_small_beam_are_those_of_its_strings(beam: int) -> None:
    decoder = Markov(40, 5, seed=4, end=-0.5)
    lengths = [draw % 9 + 1 for draw in range(40)]
    found = beam_search(decoder, memory_of(lengths), BeamConfig(beam=beam, ctc_weight=0))
    for row, limit in enumerate(lengths):
        strings, scores = found.each()[row], found.scores[row].tolist()
        assert 1 <= len({tuple(string) for string in strings}) == len(strings) <= beam
        assert scores == sorted(scores, reverse=True)
        for string, score in zip(strings, scores, strict=False):
            assert len(string) <= limit
            assert score == pytest.approx(decoder.score(row, tuple(string)), abs=1e-4)


def test_company_and_order_change_nothing() -> None:
    decoder = Markov(8, 4, seed=5, end=-1.0)
    lengths = [9, 3, 7, 1, 9, 5, 2, 8]
    ctc = random_log_probs(8, 9, 5, seed=6)
    config = BeamConfig(beam=3)
    memory = memory_of(lengths)
    together = beam_search(decoder, memory, config, ctc)
    for row in range(8):
        one = Padded.of(memory.frames[row : row + 1], memory.padding.known[row : row + 1])
        alone = beam_search(decoder, one, config, ctc[row : row + 1])
        assert alone.each()[0] == together.each()[row]
        assert torch.allclose(alone.scores[0], together.scores[row], atol=1e-5)


def test_utterances_that_are_done_cost_nothing() -> None:
    decoder = Markov(40, 3, seed=7)
    decoder.log_probs[:39, ..., 0] = 5  # all but the last end at once
    decoder.log_probs[39, ..., 0] = -50
    beam_search(decoder, memory_of([30] * 40), ALONE)
    assert decoder.rows < 40 + 2 * 31


def test_what_never_ends_is_cut_and_said_so() -> None:
    decoder = Markov(2, 3, seed=8, end=-100)
    found = beam_search(decoder, memory_of([7, 4]), BeamConfig(beam=3, ctc_weight=0))
    assert found.lengths[:, 0].tolist() == [7, 4]
    assert not found.ended.any()


def test_an_end_must_be_likely_enough() -> None:
    # The end has a little less than the best symbol, so nats decide between thresholds.
    decoder = Markov(1, 2)
    row = torch.tensor([0.2, 0.5, 0.3]).log()
    decoder.log_probs = row.expand(1, 3, 3, 3)
    memory = memory_of([4])
    anywhere = beam_search(decoder, memory, BeamConfig(beam=100, ctc_weight=0))
    assert anywhere.best() == [[]]
    threshold = math.log(0.2) / math.log(0.5)
    strict = BeamConfig(beam=100, ctc_weight=0, end_threshold=threshold - 0.01)
    found = beam_search(decoder, memory, strict)
    assert {len(string) for string in found.each()[0]} == {4}  # where the end is forced
    loose = BeamConfig(beam=100, ctc_weight=0, end_threshold=threshold + 0.01)
    assert beam_search(decoder, memory, loose).best() == [[]]


def test_the_length_penalty_favours_longer_strings() -> None:
    decoder = Markov(50, 3, seed=9)
    memory = memory_of([9] * 50)

    def symbols(penalty: float) -> int:
        config = BeamConfig(beam=8, ctc_weight=0, length_penalty=penalty)
        return int(beam_search(decoder, memory, config).lengths[:, 0].sum())

    assert symbols(0) < symbols(1) < symbols(2)


def test_ctc_needs_its_posteriors() -> None:
    with pytest.raises(ValueError, match="posteriors"):
        beam_search(Markov(1, 2), memory_of([3]), BeamConfig())


class HalfPrecision(Markov):
    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, MarkovState]:
        logits, state = super().step(tokens, state)
        return logits.bfloat16(), state


def test_scores_are_of_single_precision_whatever_the_logits_are() -> None:
    decoder = HalfPrecision(3, 3)
    found = beam_search(decoder, memory_of([4, 4, 4]), ALONE)
    assert found.scores.dtype == torch.float32
    expected = [decoder.score(row, tuple(string)) for row, string in enumerate(found.best())]
    assert found.scores[:, 0].tolist() == pytest.approx(expected, abs=0.1)
