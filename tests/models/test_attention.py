from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from bossline.batches.padded import Padded, Padding
from bossline.models.attention import CrossAttention, SelfAttention, attention_weights
from bossline.models.encoders.subsampling import SubsampleConfig
from bossline.models.encoders.transformer import TransformerConfig
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


# What is not asked for by encoders alone.


@pytest.mark.parametrize(
    ("dtype", "gradient", "tolerance"),
    [(torch.float32, True, 1e-5), (torch.bfloat16, True, 0.03), (torch.bfloat16, False, 0.03)],
)
def test_a_symbol_sees_those_before_it(
    dtype: torch.dtype, gradient: bool, tolerance: float
) -> None:
    """Which makes the last place of a string what attention to the whole string makes of it."""
    torch.manual_seed(0)
    layer, x = SelfAttention(24, 2), torch.randn(3, 40, 24)
    rotation = RotaryPositions(12)(40)
    with (
        torch.set_grad_enabled(gradient),
        torch.autocast("cpu", torch.bfloat16, enabled=dtype is torch.bfloat16),
    ):
        found = layer.causal(x, rotation).float()
    for row in range(3):
        for length in (1, 2, 33, 40):
            expected = reference(layer, x[row], length)[-1]
            torch.testing.assert_close(
                found[row, length - 1], expected, atol=tolerance, rtol=tolerance
            )


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.02)])
def test_attention_to_frames_is_the_formula(dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(0)
    layer, x, memory = CrossAttention(24, 10, 2), torch.randn(3, 7, 24), torch.randn(3, 50, 10)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype is torch.bfloat16):
        remembered = layer.remembered(memory)
        found = layer(x, remembered, PADDING.mask).float()
        again, weights = layer.weighed(x, remembered, PADDING.mask)
    torch.testing.assert_close(again.float(), found, atol=tolerance, rtol=tolerance)
    for row, length in enumerate(LENGTHS.tolist()):
        q = functional.linear(x[row], layer.queries.weight, layer.queries.bias).view(7, 2, 12)
        both = functional.linear(memory[row], layer.keys_values.weight, layer.keys_values.bias)
        k, v = both.view(50, 2, 2, 12).unbind(1)
        expected = (torch.einsum("lhd,thd->hlt", q, k[:length]) / 12**0.5).softmax(-1)
        attended = torch.einsum("hlt,thd->lhd", expected, v[:length]).flatten(1)
        joined = functional.linear(attended, layer.output.weight, layer.output.bias)
        torch.testing.assert_close(found[row], joined, atol=tolerance, rtol=tolerance)
        torch.testing.assert_close(
            weights[row, :, :, :length], expected, atol=tolerance, rtol=tolerance
        )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_of_weights_keeps_their_mean(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer, x = SelfAttention(8, 2, dropout=0.3), torch.randn(1, 6, 8)
    many, padding = x.expand(8000, 6, 8), Padding(torch.full((8000,), 6), 6, x.device)
    rotation = RotaryPositions(4)(6)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype is torch.bfloat16):
        dropped = layer(many, padding, rotation).float()
        whole = layer.eval()(many, padding, rotation).float()
    assert dropped.std(0).min() > 0.01
    torch.testing.assert_close(dropped.mean(0), whole.mean(0), atol=0.02, rtol=0)


@pytest.mark.parametrize("positions", ["rotary", "relative"])
def test_an_encoders_weights_are_what_it_weighs_by(positions: Any) -> None:
    torch.manual_seed(0)
    config = TransformerConfig(depth=2, width=8, heads=2, positions=positions)
    encoder: Any = config.build(5).eval()
    batch = Padded.of(torch.randn(2, 9, 5), torch.tensor([9, 4]))
    weights = attention_weights(encoder, batch)
    assert weights.shape == (2, 4, 9, 9)
    seen = []
    for layer in encoder.layers:
        hooked = layer.attention
        hooked.register_forward_hook(lambda layer, given, out: seen.append((given[0], out)))
    encoder(batch)
    for number, layer in enumerate(encoder.layers):
        x, out = seen[number]
        values = layer.attention.queries_keys_values(x)[..., 16:].view(2, 9, 2, 4).transpose(1, 2)
        attended = (weights[:, 2 * number : 2 * number + 2] @ values).transpose(1, 2).flatten(2)
        torch.testing.assert_close(layer.attention.output(attended), out, atol=1e-5, rtol=1e-5)
    assert not weights[1, ..., 4:].any()
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 9))


def test_weights_of_subsampled_frames() -> None:
    torch.manual_seed(0)
    within = {"kind": "conformer", "depth": 1, "width": 8, "heads": 2}
    encoder = SubsampleConfig.model_validate({"encoder": within, "channels": 2}).build(8)
    batch = Padded.of(torch.randn(2, 23, 8), torch.tensor([23, 9]))
    weights = attention_weights(encoder.eval(), batch)
    assert weights.shape == (2, 2, 5, 5)
    assert not weights[1, ..., 1:].any()
