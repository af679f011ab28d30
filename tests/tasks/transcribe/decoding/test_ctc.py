"""The best path and prefix beams, against all paths there are."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional

from bossline.tasks.transcribe.decoding.ctc import best_paths
from bossline.tasks.transcribe.decoding.prefix_beam import PrefixBeamConfig, prefix_beam_search
from tests.tasks.transcribe.decoding.enumeration import (
    all_strings,
    collapsed,
    path_probabilities,
    random_log_probs,
    string_probabilities,
)

LENGTHS = torch.tensor([5, 3, 1, 4])
ALL = sum(1 for _ in all_strings(2, 5))


def test_the_best_path_is_the_most_probable_one() -> None:
    log_probs = random_log_probs(4, 5, 3)
    found = best_paths(log_probs, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        paths = path_probabilities(log_probs[row, :length].double().numpy())
        path, probability = max(paths, key=lambda pair: pair[1])
        assert tuple(found.best()[row]) == collapsed(path)
        assert found.scores[row, 0] == pytest.approx(math.log(probability), abs=1e-5)
        assert not found.symbols[row, 0, found.lengths[row, 0] :].any()


def test_repeats_need_a_blank_between_them() -> None:
    path = torch.tensor([[1, 1, 0, 1, 2, 2, 0, 0]])
    log_probs = functional.one_hot(path, 3).float().mul(20).log_softmax(2)
    for found in (
        best_paths(log_probs, torch.tensor([8])),
        prefix_beam_search(log_probs, torch.tensor([8]), PrefixBeamConfig(beam=1)),
    ):
        assert found.best() == [[1, 1, 2]]
        assert found.scores[0, 0] == pytest.approx(0, abs=1e-5)


def test_a_beam_of_all_prefixes_is_exact() -> None:
    log_probs = random_log_probs(4, 5, 3, seed=1)
    found = prefix_beam_search(log_probs, LENGTHS, PrefixBeamConfig(beam=ALL))
    for row, length in enumerate(LENGTHS.tolist()):
        expected = string_probabilities(log_probs[row, :length].double().numpy())
        strings = found.each()[row]
        assert {tuple(string) for string in strings} == set(expected)
        assert len(strings) == len(expected)
        falling = sorted(expected.values(), reverse=True)
        assert found.scores[row, : len(strings)].exp().tolist() == pytest.approx(falling, abs=1e-6)
        for string, score in zip(strings, found.scores[row].tolist(), strict=False):
            assert math.exp(score) == pytest.approx(expected[tuple(string)], abs=1e-6)


def test_scores_of_a_beam_of_all_are_the_ctc_loss() -> None:
    log_probs = random_log_probs(1, 6, 4, seed=2)
    length = torch.tensor([6])
    found = prefix_beam_search(log_probs, length, PrefixBeamConfig(beam=1000))
    for string, score in list(zip(found.each()[0], found.scores[0].tolist(), strict=False))[:50]:
        loss = functional.ctc_loss(
            log_probs.transpose(0, 1),
            torch.tensor([string], dtype=torch.long),
            length,
            torch.tensor([len(string)]),
            reduction="sum",
        )
        assert score == pytest.approx(-float(loss), abs=1e-4)


@pytest.mark.parametrize("beam", [1, 2, 4, 8])
def test_a_small_beam_never_promises_too_much(beam: int) -> None:
    log_probs = random_log_probs(8, 6, 4, seed=3, scale=1.0)
    lengths = torch.full((8,), 6)
    found = prefix_beam_search(log_probs, lengths, PrefixBeamConfig(beam=beam))
    assert (found.scores.diff(dim=1) <= 0).all()
    for row in range(8):
        strings = found.each()[row]
        assert len({tuple(string) for string in strings}) == len(strings) == beam
        exact = string_probabilities(log_probs[row].double().numpy())
        for string, score in zip(strings, found.scores[row].tolist(), strict=True):
            assert math.exp(score) <= exact[tuple(string)] + 1e-6


def test_a_wider_beam_finds_better_strings_on_the_whole() -> None:
    log_probs = random_log_probs(15, 6, 4, seed=4, scale=0.7)
    exact = [string_probabilities(row.double().numpy()) for row in log_probs]
    totals = []
    for beam in (1, 3, 12, 1000):
        config = PrefixBeamConfig(beam=beam)
        best = prefix_beam_search(log_probs, torch.full((15,), 6), config).best()
        pairs = zip(exact, best, strict=True)
        totals.append(sum(table[tuple(string)] for table, string in pairs))
    assert totals == sorted(totals)
    assert totals[0] < totals[-1]
    assert totals[-1] == pytest.approx(sum(max(table.values()) for table in exact))


@pytest.mark.parametrize(("frames", "symbols", "beam"), [(15, 2, 8), (6, 1, 3), (15, 1, 8)])
def test_a_beam_holds_no_string_twice(frames: int, symbols: int, beam: int) -> None:
    # Prefixes leave the beam and come back; with one symbol, there are fewer than it has room for.
    log_probs = random_log_probs(100, frames, symbols + 1, seed=5, scale=3)
    lengths = torch.full((100,), frames)
    for strings in prefix_beam_search(log_probs, lengths, PrefixBeamConfig(beam=beam)).each():
        assert len({tuple(string) for string in strings}) == len(strings)


def test_padding_and_company_change_nothing() -> None:
    log_probs = random_log_probs(6, 20, 5, seed=6)
    lengths = torch.tensor([20, 1, 13, 7, 19, 20])
    config = PrefixBeamConfig(beam=4)
    together = prefix_beam_search(log_probs, lengths, config)
    for row, length in enumerate(lengths.tolist()):
        alone = prefix_beam_search(
            log_probs[row : row + 1, :length], lengths[row : row + 1], config
        )
        assert alone.each()[0] == together.each()[row]
        assert torch.allclose(alone.scores[0], together.scores[row])


def test_symbols_without_probability_are_never_told() -> None:
    log_probs = random_log_probs(8, 6, 4, seed=7)
    log_probs[:, :, 2] = -torch.inf
    log_probs = log_probs.log_softmax(2)
    found = prefix_beam_search(log_probs, torch.full((8,), 6), PrefixBeamConfig(beam=200))
    strings = {tuple(string) for row in found.each() for string in row}
    assert strings == {s for s in all_strings(3, 6) if 2 not in s and _frames_needed(s) <= 6}
    assert np.isfinite(found.scores[:, 0].numpy()).all()


def _frames_needed(string: tuple[int, ...]) -> int:
    return len(string) + sum(a == b for a, b in pairwise(string))


def test_a_bonus_makes_strings_longer() -> None:
    log_probs = random_log_probs(20, 8, 4, seed=8)
    lengths = torch.full((20,), 8)

    def symbols(bonus: float) -> int:
        config = PrefixBeamConfig(beam=8, bonus=bonus)
        return int(prefix_beam_search(log_probs, lengths, config).lengths[:, 0].sum())

    assert symbols(-3) < symbols(0) < symbols(3)


def test_a_bonus_is_part_of_the_score() -> None:
    log_probs = random_log_probs(1, 4, 3, seed=9)
    found = prefix_beam_search(log_probs, torch.tensor([4]), PrefixBeamConfig(beam=ALL, bonus=0.4))
    exact = string_probabilities(log_probs[0].double().numpy())
    for string, score in zip(found.each()[0], found.scores[0].tolist(), strict=False):
        assert score == pytest.approx(math.log(exact[tuple(string)]) + 0.4 * len(string), abs=1e-5)
