from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from bossline.models.images import ChannelNorm, ConvnextBlock, ConvnextConfig


def test_parameters_of_the_defaults() -> None:
    def block(width: int) -> int:
        depthwise, norm = 49 * width + width, 2 * width
        layers = (width + 1) * 4 * width + (4 * width + 1) * width
        return depthwise + norm + layers + width  # and layer scale

    expected = (16 * 3 + 1) * 48 + 2 * 48
    for width, blocks in zip((48, 96, 192, 384), (2, 2, 6, 2), strict=True):
        expected += blocks * block(width)
    for width in (48, 96, 192):
        expected += 2 * width + (4 * width + 1) * 2 * width
    expected += 2 * 384 + 385 * 11
    model = ConvnextConfig().build(3, 11)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


@pytest.mark.parametrize("kernel", [3, 7])
def test_a_block_against_its_formula(kernel: int) -> None:
    """Layer scale on the results, where the paper has it."""
    torch.manual_seed(0)
    block = ConvnextBlock(ConvnextConfig(kernel=kernel), 6, 0.0)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.add_(torch.rand_like(parameter))
    x = torch.randn(3, 6, 9, 8)
    y = functional.conv2d(
        x, block.depthwise.weight, block.depthwise.bias, padding=kernel // 2, groups=6
    ).movedim(1, -1)
    y = functional.layer_norm(y, (6,), block.norm.weight, block.norm.bias)
    y = functional.gelu(functional.linear(y, block.expand.weight[:, :, 0, 0], block.expand.bias))
    y = functional.linear(y, block.contract.weight[:, :, 0, 0], block.contract.bias)
    expected = x + (block.scale * y).movedim(-1, 1)
    torch.testing.assert_close(block(x), expected, rtol=1e-4, atol=1e-4)


def test_a_fresh_block_is_almost_the_identity() -> None:
    x = torch.randn(2, 8, 6, 6)
    torch.testing.assert_close(ConvnextBlock(ConvnextConfig(), 8, 0.0)(x), x, rtol=0, atol=1e-4)


def test_channel_norm_copies_nothing() -> None:
    x = torch.randn(2, 7, 5, 4).to(memory_format=torch.channels_last)
    normed = ChannelNorm(7)(x)
    assert normed.is_contiguous(memory_format=torch.channels_last)
    mean, deviation = x.mean(1, keepdim=True), x.std(1, correction=0, keepdim=True)
    torch.testing.assert_close(normed, (x - mean) / deviation, rtol=1e-3, atol=1e-3)


def test_patches_must_leave_something() -> None:
    ConvnextConfig(patch=4)
    with pytest.raises(ValueError, match="take smaller patches or fewer stages"):
        ConvnextConfig(patch=8)
