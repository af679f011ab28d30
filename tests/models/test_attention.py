from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from bossline.batches.padded import Padding
from bossline.models.attention import SelfAttention
from bossline.models.positions import RotaryPositions

LENGTHS = torch.tensor([50, 20, 1])
PADDING = Padding(LENGTHS, 50, torch.device("cpu"))


def attended(layer: SelfAttention, x: Tensor, dtype: torch.dtype | None) -> Tensor:
    rotation = RotaryPositions(x.shape[2] // layer.heads)(x.shape[1])
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype is torch.bfloat16):
        out: Tensor = layer(x, PADDING, rotation)
    return out


def reference(layer: SelfAttention, x: Tensor, length: int) -> Tensor:
    """One utterance alone, from the formula of the attention, in the layer's own precision."""
    projected = layer.queries_keys_values(x[:length])
    q, k, v = projected.view(length, 3, layer.heads, -1).permute(1, 2, 0, 3)
    cosine, sine = RotaryPositions(q.shape[-1])(length)

    def turned(y: Tensor) -> Tensor:
        a, b = y.chunk(2, dim=-1)
        return torch.cat((a * cosine - b * sine, b * cosine + a * sine), dim=-1)

    weights = (turned(q) @ turned(k).mT / q.shape[-1] ** 0.5).softmax(-1)
    return functional.linear(
        (weights @ v).transpose(0, 1).flatten(1), layer.output.weight, layer.output.bias
    )


@pytest.mark.parametrize(
    ("dtype", "gradient", "tolerance"),
    [
        (torch.float32, True, 1e-5),
        (torch.float32, False, 1e-5),
        (torch.bfloat16, True, 0.02),
        (torch.bfloat16, False, 0.02),
    ],
)
def test_equals_the_formula_on_each_utterance_alone(
    dtype: torch.dtype, gradient: bool, tolerance: float
) -> None:
    torch.manual_seed(0)
    layer, x = SelfAttention(24, 2), torch.randn(3, 50, 24)
    with torch.set_grad_enabled(gradient):
        found = attended(layer, x, dtype).float()
    for row, length in enumerate(LENGTHS.tolist()):
        expected = reference(layer, x[row], length)
        torch.testing.assert_close(found[row, :length], expected, atol=tolerance, rtol=tolerance)


def test_gradients_in_bfloat16_are_those_in_float32() -> None:
    torch.manual_seed(0)
    layer, x = SelfAttention(24, 2), torch.randn(3, 50, 24)
    towards = torch.randn(3, 50, 24) * PADDING.mask.unsqueeze(2)
    gradients = []
    for dtype in (torch.float32, torch.bfloat16):
        layer.zero_grad()
        (attended(layer, x, dtype).float() * towards).sum().backward()  # type: ignore[no-untyped-call]
        weight = layer.queries_keys_values.weight
        assert weight.grad is not None
        gradients.append(weight.grad.clone())
    whole, half = gradients
    assert float((whole - half).norm() / whole.norm()) < 0.02
