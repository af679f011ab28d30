from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.models.decoders.lstm import LstmDecoderConfig


def built(**keys: Any) -> Any:
    torch.manual_seed(0)
    config = {"width": 7, "attention_width": 5, "filters": 3, "kernel": 5, **keys}
    return LstmDecoderConfig.model_validate(config).build(6, 5).eval()


MEMORY = Padded.of(torch.randn(3, 9, 6), torch.tensor([9, 4, 1]))
TOKENS = torch.tensor([[0, 1, 2, 3], [0, 4, 4, 1], [0, 2, 3, 3]])


def torchs_cell(ours: Any, symbols: Tensor | None) -> nn.LSTMCell:
    """With the weights of ours; symbols are inputs of it, one of them 1 and the others 0.

    Torch's gates are input, forget, cell, output; ours have the cell's last.
    """
    width = ours.width
    order = [*range(2 * width), *range(3 * width, 4 * width), *range(2 * width, 3 * width)]
    weight, bias = ours.gates.weight[order], ours.gates.bias[order]
    inputs = weight[:, :-width]
    if symbols is not None:
        inputs = torch.cat((symbols.T[order], inputs), 1)
    cell = nn.LSTMCell(inputs.shape[1], width)
    state = {"weight_ih": inputs, "weight_hh": weight[:, -width:], "bias_ih": bias}
    cell.load_state_dict({**state, "bias_hh": torch.zeros_like(bias)})
    return cell


def by_hand(decoder: Any, frames: Tensor, string: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (L, symbols) and weights (L, T) of one utterance, frame by frame, from the papers."""
    cells = [
        torchs_cell(cell, None if number else decoder.embed.weight)
        for number, cell in enumerate(decoder.cells)
    ]
    attend = decoder.attend
    states = [(torch.zeros(1, 7), torch.zeros(1, 7)) for _ in cells]
    context, weights = torch.zeros(6), torch.zeros(len(frames))
    logits, seen = [], []
    for symbol in string:
        below = torch.cat((nn.functional.one_hot(symbol, 5), context))
        for number, cell in enumerate(cells):
            states[number] = cell(below.unsqueeze(0), states[number])
            below = states[number][0][0]
        energies = []
        for t, frame in enumerate(frames):
            inner = attend.keys.weight @ frame + attend.keys.bias + attend.queries.weight @ below
            if attend.convolution is not None:
                kernels = attend.convolution.weight[:, 0]  # (filters, frames)
                around = [
                    kernels[:, k] * weights[t + k - 2]
                    for k in range(5)
                    if 0 <= t + k - 2 < len(frames)
                ]
                inner = inner + attend.places.weight @ torch.stack(around).sum(0)
            energies.append(attend.energy.weight[0] @ inner.tanh())
        weights = torch.stack(energies).softmax(0)
        context = weights @ frames
        logits.append(decoder.output(torch.cat((below, context))))
        seen.append(weights)
    return torch.stack(logits), torch.stack(seen)


@pytest.mark.parametrize("attention", ["location", "content"])
@pytest.mark.parametrize("depth", [1, 2])
def test_it_is_the_papers_with_torchs_cells(attention: str, depth: int) -> None:
    decoder = built(attention=attention, depth=depth, dropout=0.5)
    logits, weights = decoder.with_attention(TOKENS, MEMORY)
    for row, length in enumerate(MEMORY.padding.known.tolist()):
        expected, seen = by_hand(decoder, MEMORY.frames[row, :length], TOKENS[row])
        torch.testing.assert_close(logits[row], expected, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(weights[row, 0, :, :length], seen, atol=1e-5, rtol=1e-5)


def test_a_choice_is_what_the_next_place_reads() -> None:
    decoder = built()
    asked = []

    def likeliest(place: int, logits: Tensor) -> Tensor:
        asked.append(place)
        return logits.argmax(-1)

    logits = decoder(TOKENS, MEMORY, likeliest)
    assert asked == [0, 1, 2]
    chosen = torch.cat((TOKENS[:, :1], logits.argmax(-1)[:, :-1]), 1)
    torch.testing.assert_close(decoder(chosen, MEMORY), logits)
    same = decoder(TOKENS, MEMORY, lambda place, logits: TOKENS[:, place + 1])
    torch.testing.assert_close(same, decoder(TOKENS, MEMORY))


def test_locations_are_known_by_one_kind_alone() -> None:
    """Frames that are all the same are told apart only by where it looked before."""
    same = Padded.of(torch.ones(1, 9, 6), torch.tensor([9]))
    tokens = TOKENS[:1]
    content = built(attention="content").attention(tokens, same)
    torch.testing.assert_close(content, torch.full_like(content, 1 / 9))
    location = built().attention(tokens, same)
    torch.testing.assert_close(location[..., 0, :], torch.full((1, 1, 9), 1 / 9))
    assert location[..., 1:, :].std(-1).min() > 1e-4
