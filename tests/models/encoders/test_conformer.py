from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from bossline.batches.padded import Padded
from bossline.models.encoders.conformer import ConformerConfig, ConvolutionModule


def by_hand(module: ConvolutionModule, utterances: list[Tensor]) -> list[Tensor]:
    """Every utterance on its own, frame by frame; they meet in the batch norm's statistics."""
    kernel = module.depthwise.convolution.weight[:, 0, 0]  # (width, frames)
    width, reach = kernel.shape[0], kernel.shape[1] // 2
    convolved = []
    for utterance in utterances:
        halves = module.expand(module.norm(utterance))
        gated = halves[:, :width] * halves[:, width:].sigmoid()
        rows = []
        for t in range(len(gated)):
            row = torch.zeros(width)
            for offset in range(-reach, reach + 1):
                if 0 <= t + offset < len(gated):
                    row = row + kernel[:, reach + offset] * gated[t + offset]
            rows.append(row)
        convolved.append(torch.stack(rows))
    joined = torch.cat(convolved)
    mean, deviation = joined.mean(0), (joined.var(0, unbiased=False) + 1e-5).sqrt()
    batch_norm = module.batch_norm
    return [
        module.contract(
            functional.silu((c - mean) / deviation * batch_norm.weight + batch_norm.bias)
        )
        for c in convolved
    ]


def test_convolution_module_is_the_papers() -> None:
    torch.manual_seed(0)
    module = ConvolutionModule(6, 7)
    lengths = torch.tensor([10, 1, 5])
    x = torch.randn(3, 12, 6) * 2
    got = module(x, Padded.of(x, lengths).padding)
    expected = by_hand(module, [row[:n] for row, n in zip(x, lengths, strict=True)])
    for row, utterance in zip(got, expected, strict=True):
        torch.testing.assert_close(row[: len(utterance)], utterance, atol=1e-5, rtol=1e-5)
    assert module.depthwise.convolution.weight.shape[0] == 6


@pytest.mark.parametrize("half", [True, False])
def test_a_block_is_the_papers(half: bool) -> None:
    torch.manual_seed(0)
    config = ConformerConfig(depth=1, width=8, heads=2, kernel=3, half_step_residual=half)
    encoder, step = config.build(5).eval(), 0.5 if half else 1.0
    batch = Padded.of(torch.randn(2, 6, 5), torch.tensor([6, 4]))
    block: Any = encoder.blocks[0]
    x = encoder.project(batch.frames)
    x = x + step * block.first(x)
    x = x + block.attention(block.attention_norm(x), batch.padding, encoder.positions(6))
    x = x + block.convolution(x, batch.padding)
    x = block.norm(x + step * block.second(x))
    torch.testing.assert_close(encoder(batch).joined(), x[batch.mask], atol=1e-6, rtol=1e-6)
