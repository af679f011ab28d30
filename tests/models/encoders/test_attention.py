from __future__ import annotations

import numpy as np
import pytest
import torch

from bossline.models.encoders.attention import RotaryPositions, SelfAttention


def by_hand(attention: SelfAttention, x: np.ndarray, first: int = 0) -> np.ndarray:
    """(T, width): the formulas of the papers on one utterance that starts at some position."""

    def linear(layer: torch.nn.Module, values: np.ndarray) -> np.ndarray:
        weight, bias = (parameter.detach().double().numpy() for parameter in layer.parameters())
        return np.asarray(values @ weight.T + bias)

    width = x.shape[1]
    head = width // attention.heads
    parts = np.split(linear(attention.queries_keys_values, x), 3, axis=1)
    positions = first + np.arange(len(x))
    outputs = []
    for number in range(attention.heads):
        query, key, value = (part[:, number * head : (number + 1) * head] for part in parts)
        turns = np.exp(1j * positions[:, None] * 10_000.0 ** (-2 * np.arange(head // 2) / head))
        query, key = ((p[:, : head // 2] + 1j * p[:, head // 2 :]) * turns for p in (query, key))
        scores = (query @ key.conj().T).real / np.sqrt(head)
        weights = np.exp(scores - scores.max(1, keepdims=True))
        outputs.append(weights / weights.sum(1, keepdims=True) @ value)
    return linear(attention.output, np.concatenate(outputs, axis=1))


@pytest.mark.parametrize(("width", "heads"), [(8, 2), (12, 1), (12, 6)])
def test_attention_is_the_formula(width: int, heads: int) -> None:
    torch.manual_seed(0)
    attention, rotary = SelfAttention(width, heads), RotaryPositions(width // heads)
    lengths = torch.tensor([9, 4, 1])
    x = torch.randn(3, 9, width) * 3
    mask = torch.arange(9) < lengths.unsqueeze(1)
    attended = attention(x, mask, rotary(9)).detach()
    for number, length in enumerate(lengths.tolist()):
        utterance = x[number, :length].double().numpy()
        for first in (0, 100):  # positions are relative: where an utterance starts is all one
            expected = torch.from_numpy(by_hand(attention, utterance, first)).float()
            torch.testing.assert_close(attended[number, :length], expected, atol=1e-5, rtol=1e-5)


def test_the_order_of_the_frames_counts() -> None:
    torch.manual_seed(0)
    attention, rotary = SelfAttention(8, 2), RotaryPositions(4)
    x, mask = torch.randn(1, 6, 8), torch.ones(1, 6, dtype=torch.bool)
    ahead, back = attention(x, mask, rotary(6)), attention(x.flip(1), mask, rotary(6)).flip(1)
    assert (ahead - back).abs().max() > 1e-3
