"""What holds of every decoder; a kind without a case here fails the first test."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from bossline.batches.padded import Padded
from bossline.models.decoders import Decoder, DecoderConfig, State
from tests.kinds import kinds
from tests.padding import padded

MEMORY, SYMBOLS = 6, 5
SMALL = {"kind": "transformer", "depth": 2, "width": 8, "heads": 2, "feed_forward": 2}
LSTM = {"kind": "lstm", "width": 7, "attention_width": 5, "filters": 3, "kernel": 5}
CASES: dict[str, dict[str, object]] = {
    "transformer": SMALL,
    "transformer, post-norm": {**SMALL, "norm": "post"},
    "transformer, sinusoidal": {**SMALL, "positions": "sinusoidal"},
    "transformer, learnt": {**SMALL, "positions": "learnt"},
    "transformer, relative": {**SMALL, "positions": "relative"},
    "transformer, no positions": {**SMALL, "positions": "none"},
    "lstm": LSTM,
    "lstm, deep": {**LSTM, "depth": 3},
    "lstm, content": {**LSTM, "attention": "content"},
}
every_case = pytest.mark.parametrize("case", CASES)
parse = TypeAdapter(DecoderConfig).validate_python


def fresh(case: str, **keys: object) -> Decoder:
    """With weights that are nowhere zero, as the biases of relative positions are at first."""
    torch.manual_seed(1)
    decoder: Decoder = parse(CASES[case] | keys).build(MEMORY, SYMBOLS)
    for parameter in decoder.parameters():
        parameter.data += torch.randn_like(parameter) * 0.3
    return decoder.eval()


def memory_of(lengths: list[int], beyond: int = 0, padding: float = 0.0) -> Padded:
    torch.manual_seed(0)
    return padded([torch.randn(length, MEMORY) for length in lengths], beyond, padding)


def strings(count: int, length: int) -> Tensor:
    torch.manual_seed(2)
    tokens = torch.randint(1, SYMBOLS, (count, length))
    tokens[:, 0] = 0
    return tokens


def test_every_kind_has_a_case() -> None:
    assert {case["kind"] for case in CASES.values()} == kinds(DecoderConfig)


@every_case
@settings(max_examples=8)
@given(
    lengths=st.lists(st.integers(1, 14), min_size=1, max_size=4),
    beyond=st.integers(0, 9),
    padding=st.sampled_from([1e3, float("nan")]),
)
def test_every_utterance_gets_what_it_gets_alone(
    case: str, lengths: list[int], beyond: int, padding: float
) -> None:
    decoder, memory = fresh(case), memory_of(lengths, beyond, padding)
    tokens = strings(len(lengths), 6)
    with torch.no_grad():
        logits, weights = decoder.with_attention(tokens, memory)
        torch.testing.assert_close(decoder(tokens, memory), logits, atol=1e-5, rtol=1e-5)
        for row, length in enumerate(lengths):
            frames = memory.frames[row : row + 1, :length]
            alone = Padded.of(frames, torch.tensor([length]))
            one = tokens[row : row + 1]
            torch.testing.assert_close(logits[row], decoder(one, alone)[0], atol=1e-5, rtol=1e-5)
            expected = decoder.attention(one, alone)[0]
            torch.testing.assert_close(weights[row, ..., :length], expected, atol=1e-5, rtol=1e-5)
            assert not weights[row, ..., length:].any()
            torch.testing.assert_close(expected.sum(-1), torch.ones(expected.shape[:2]))


@every_case
def test_later_symbols_change_no_earlier_logits(case: str) -> None:
    decoder, memory = fresh(case), memory_of([9, 4])
    tokens = strings(2, 7)
    logits = decoder(tokens, memory)
    for place in range(1, 7):
        others = tokens.clone()
        others[:, place:] = (others[:, place:] + 1) % SYMBOLS
        found = decoder(others, memory)
        torch.testing.assert_close(found[:, :place], logits[:, :place], atol=1e-6, rtol=1e-5)
        assert not torch.allclose(found[:, place], logits[:, place], atol=1e-4)


@every_case
def test_symbols_know_their_order(case: str) -> None:
    """The same symbols before the last, in another order. Without positions only a second layer
    would know, since the first sees fewer of them from one place than from the next."""
    decoder, memory = fresh(case, depth=1), memory_of([9])
    first, second = (decoder(torch.tensor([[0, *x, 4]]), memory)[0, -1] for x in ([1, 2], [2, 1]))
    assert torch.allclose(first, second, atol=1e-5) == (case == "transformer, no positions")


@every_case
def test_attention_has_a_gradient(case: str) -> None:
    decoder, memory = fresh(case), memory_of([9, 4])
    weights = decoder.with_attention(strings(2, 3), memory)[1]
    (weights * torch.randn_like(weights)).sum().backward()  # type: ignore[no-untyped-call]
    for name, parameter in decoder.named_parameters():
        if "keys" in name and parameter.dim() == 2:
            assert parameter.grad is not None
            assert parameter.grad.abs().sum() > 0, name


@every_case
def test_training_reaches_every_parameter(case: str) -> None:
    decoder, memory = fresh(case).train(), memory_of([9, 4])
    memory.frames.requires_grad_()
    logits = decoder(strings(2, 5), memory)
    (logits * torch.randn_like(logits)).sum().backward()
    for name, parameter in decoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    assert memory.frames.grad is not None
    assert memory.frames.grad[memory.mask].abs().sum(-1).all()
    assert not memory.frames.grad[~memory.mask].any()


# Step by step.


def whole(decoder: Decoder, hypotheses: list[list[int]], memory: Padded, beam: int) -> Tensor:
    """(B * beam, symbols) after these hypotheses, computed anew."""
    frames = memory.frames.repeat_interleave(beam, dim=0)
    repeated = Padded.of(frames, memory.padding.known.repeat_interleave(beam))
    logits: Tensor = decoder(torch.tensor(hypotheses), repeated)[:, -1]
    return logits


@every_case
@settings(max_examples=5)
@given(data=st.data(), beam=st.integers(1, 3))
def test_steps_of_any_search_are_the_whole_strings(
    case: str, data: st.DataObject, beam: int
) -> None:
    """Parents are drawn at random within each utterance, and utterances leave or change places."""
    decoder, memory = fresh(case), memory_of([9, 4, 1], 2, float("nan"))
    size = 3
    hypotheses: list[list[int]] = [[] for _ in range(size * beam)]
    newest = [0] * (size * beam)
    with torch.no_grad():
        state: State = decoder.start(memory, beam)
        for _ in range(6):
            hypotheses = [[*string, last] for string, last in zip(hypotheses, newest, strict=True)]
            logits, state = decoder.step(torch.tensor(newest), state)
            expected = whole(decoder, hypotheses, memory, beam)
            torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)
            draws = st.lists(st.integers(0, beam - 1), min_size=size * beam, max_size=size * beam)
            rows = [row // beam * beam + k for row, k in enumerate(data.draw(draws))]
            state = state.reordered(torch.tensor(rows))
            hypotheses = [hypotheses[row] for row in rows]
            stay = data.draw(st.permutations(range(size)))
            stay = stay[: data.draw(st.integers(max(size - 1, 1), size))]
            state = state.kept(torch.tensor(stay))
            hypotheses = [hypotheses[u * beam + k] for u in stay for k in range(beam)]
            memory = Padded.of(memory.frames[stay], memory.padding.known[stay])
            size = len(stay)
            symbol = st.integers(0, SYMBOLS - 1)
            newest = data.draw(st.lists(symbol, min_size=size * beam, max_size=size * beam))


# What its config says.


@pytest.mark.parametrize(
    ("case", "keys"),
    [
        ("transformer", {"dropout": 0.5}),
        ("transformer", {"dropout": 0.0, "attention_dropout": 0.5}),
        ("transformer", {"dropout": 0.0, "feed_forward_dropout": 0.5}),
        ("transformer", {"dropout": 0.0, "input_dropout": 0.5}),
        ("lstm, deep", {"dropout": 0.5}),
    ],
)
def test_what_drops_does_so_in_training_only(case: str, keys: dict[str, object]) -> None:
    decoder, memory, tokens = fresh(case, **keys), memory_of([9, 4]), strings(2, 5)
    assert torch.equal(decoder(tokens, memory), decoder(tokens, memory))
    decoder.train()
    assert not torch.equal(decoder(tokens, memory), decoder(tokens, memory))
    assert not torch.equal(
        decoder.with_attention(tokens, memory)[0], decoder.with_attention(tokens, memory)[0]
    )


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"kind": "transformer", "width": 12, "heads": 4}, "12 is no multiple of 2 x heads = 8"),
        ({"kind": "lstm", "kernel": 4}, "must be odd, 4 is even"),
        ({"kind": "transformer", "positions": "learned"}, "'relative' or 'none'"),
    ],
)
def test_a_bad_config_is_refused(config: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        parse(config)
