from __future__ import annotations

import subprocess
import sys
from itertools import groupby, product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from bossline.batches.padded import Padded
from bossline.tasks.transcribe.decoding.edits import distances as edit_distances
from bossline.tasks.transcribe.forward_backward import ctc_losses
from bossline.tasks.transcribe.objective import (
    GuidedAttentionConfig,
    Targets,
    ctc_loss,
    distances,
    next_symbols,
)
from bossline.training.objectives import IGNORED

STRING = st.lists(st.integers(1, 3), max_size=7)


def targets(*strings: list[int]) -> Targets:
    longest = max(1, max(map(len, strings)))
    rows = [string + [0] * (longest - len(string)) for string in strings]
    lengths = tuple(map(len, strings))
    return Targets(torch.tensor(rows), torch.tensor(lengths), lengths)


def padded(strings: list[list[int]]) -> tuple[Tensor, Tensor]:
    found = targets(*strings)
    return found.symbols, found.on_device


@given(pairs=st.lists(st.tuples(STRING, STRING), min_size=1, max_size=6))
def test_distances_are_those_of_the_scores(pairs: list[tuple[list[int], list[int]]]) -> None:
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    found = distances(*padded(one), *padded(other))
    assert found.tolist() == edit_distances(one, other).tolist()


def probability(log_probs: Tensor, string: list[int]) -> float:
    """Of all paths (T,) that are merged to the string."""
    steps, columns = log_probs.shape
    total = 0.0
    for path in product(range(columns), repeat=steps):
        if [k for k, _ in groupby(path) if k] == string:
            total += float(log_probs[range(steps), path].sum().exp())
    return total


@settings(deadline=None, max_examples=15)
@given(string=st.lists(st.integers(1, 2), max_size=3), seed=st.integers(0, 100))
def test_ctc_is_the_probability_of_all_paths(string: list[int], seed: int) -> None:
    torch.manual_seed(seed)
    log_probs = torch.randn(1, 4, 3).log_softmax(2)
    expected = probability(log_probs[0], string)
    loss = float(ctc_loss(log_probs, torch.tensor([4]), targets(string)))
    if expected == 0:
        assert loss == 0  # no path: it counts nothing
    else:
        assert loss == pytest.approx(-torch.tensor(expected).log().item(), rel=1e-4, abs=1e-5)


@settings(deadline=None)
@given(strings=st.lists(STRING, min_size=1, max_size=4), data=st.data(), seed=st.integers(0, 1000))
def test_ctc_by_tensors_alone_is_that_of_torch(
    strings: list[list[int]], data: st.DataObject, seed: int
) -> None:
    torch.manual_seed(seed)
    steps = torch.tensor([data.draw(st.integers(1, 14)) for _ in strings])
    logits = torch.randn(len(strings), 14, 4, dtype=torch.float64, requires_grad=True)
    known, weight = targets(*strings), torch.rand(len(strings), dtype=torch.float64)
    theirs = functional.ctc_loss(
        logits.log_softmax(2).transpose(0, 1),
        known.symbols,
        steps,
        known.on_device,
        reduction="none",
        zero_infinity=True,
    )
    ours = ctc_losses(logits.log_softmax(2), steps, known.symbols, known.on_device)
    torch.testing.assert_close(ours, theirs)
    gradients = [
        torch.autograd.grad((weight * losses).sum(), logits)[0] for losses in (ours, theirs)
    ]
    torch.testing.assert_close(*gradients)


def test_padding_adds_nothing_to_ctc() -> None:
    torch.manual_seed(0)
    log_probs = torch.randn(2, 6, 4).log_softmax(2)
    both = ctc_loss(log_probs, torch.tensor([6, 3]), targets([1, 2, 3], [2]))
    first = ctc_loss(log_probs[:1], torch.tensor([6]), targets([1, 2, 3]))
    second = ctc_loss(log_probs[1:, :3], torch.tensor([3]), targets([2]))
    assert float(both) == pytest.approx(float(first + second), rel=1e-5)


def test_a_decoder_is_given_each_symbol_and_asked_for_the_next() -> None:
    given_, expected = next_symbols(targets([5, 7], [3]))
    assert given_.tolist() == [[0, 5, 7], [0, 3, 0]]
    assert expected.tolist() == [[5, 7, 0], [3, 0, IGNORED]]


def test_attention_on_the_diagonal_costs_least() -> None:
    config = GuidedAttentionConfig(width=0.2)
    memory = Padded.of(torch.zeros(1, 6, 1), torch.tensor([5]))
    lengths = torch.tensor([4])
    diagonal = torch.zeros(1, 2, 6, 6)
    diagonal[:, :, range(5), range(5)] = 1
    strayed = torch.zeros(1, 2, 6, 6)
    strayed[:, :, range(5), [4, 3, 2, 1, 0]] = 1
    assert float(config.loss(diagonal, lengths, memory)) == pytest.approx(0, abs=1e-6)
    cost = 1 - torch.exp(-(torch.tensor([0.8, 0.4, 0.0, -0.4, -0.8]) ** 2) / (2 * 0.2**2))
    assert float(config.loss(strayed, lengths, memory)) == pytest.approx(float(cost.sum()))
    beyond = torch.zeros(1, 2, 6, 6)
    beyond[:, :, 5] = 1  # a row that is padding
    assert float(config.loss(beyond, lengths, memory)) == 0


def test_nothing_of_the_compiler_is_loaded_before_it_is_asked_for() -> None:
    """It takes a second and a half, of the three in which phoneme-en is to have answered."""
    code = "import sys, bossline.tasks.transcribe.lesson; sys.exit('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0
