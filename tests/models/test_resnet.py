from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bossline.models.images import ResidualBlock, ResnetConfig, SqueezeExcitation


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_parameters_of_the_defaults() -> None:
    def convolution(kernel: int, inputs: int, outputs: int) -> int:
        return kernel * kernel * inputs * outputs + 2 * outputs

    expected = convolution(3, 3, 64) + 4 * convolution(3, 64, 64)
    for width in (128, 256, 512):
        expected += convolution(3, width // 2, width) + 3 * convolution(3, width, width)
        expected += convolution(1, width // 2, width)
    assert count(ResnetConfig().build(3, 11)) == expected + 513 * 11


@pytest.mark.parametrize("squeeze_excitation", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_a_fresh_block_is_the_identity(squeeze_excitation: bool, training: bool) -> None:
    """Of what a ReLU lets through, which is all that a block ever gets."""
    config = ResnetConfig(squeeze_excitation=squeeze_excitation)
    block = ResidualBlock(config, 8, 8, halves=False, drop_path=0.3).train(training)
    x = torch.rand(4, 8, 9, 9)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize(("inputs", "outputs", "halves"), [(6, 6, False), (6, 9, True)])
@pytest.mark.parametrize("side", [8, 7])
def test_a_block_against_its_formula(inputs: int, outputs: int, halves: bool, side: int) -> None:
    torch.manual_seed(0)
    block = ResidualBlock(ResnetConfig(), inputs, outputs, halves, 0.0)
    nn.init.uniform_(block.last_norm.weight, 0.5, 1)
    x = torch.rand(5, inputs, side, side, requires_grad=True)

    def normed(maps: Tensor, norm: nn.Module) -> Tensor:
        mean = maps.mean((0, 2, 3), keepdim=True)
        variance = (maps - mean).square().mean((0, 2, 3), keepdim=True)
        scaled = (
            (maps - mean) / (variance + 1e-5).sqrt() * norm.get_parameter("weight")[:, None, None]
        )
        return scaled + norm.get_parameter("bias")[:, None, None]

    stride = 2 if halves else 1
    hidden = normed(
        functional.conv2d(x, block.first.weight, stride=stride, padding=1), block.first_norm
    ).relu()
    branch = normed(functional.conv2d(hidden, block.last.weight, padding=1), block.last_norm)
    shortcut: Tensor = x
    if halves:
        odd = side % 2
        ones = functional.pad(torch.ones_like(x), (0, odd, 0, odd))
        sums = functional.avg_pool2d(functional.pad(x, (0, odd, 0, odd)), 2)
        pooled = sums / functional.avg_pool2d(ones, 2)
        weight, norm = block.shortcut[1].get_parameter("weight"), block.shortcut[2]
        shortcut = normed(functional.conv2d(pooled, weight), norm)
    expected = (branch + shortcut).relu()
    parameters = [x, *block.parameters()]
    actual = block(x)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)
    for own, other in zip(
        torch.autograd.grad(actual.square().sum(), parameters),
        torch.autograd.grad(expected.square().sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-3)


def test_drop_path_passes_whole_images_on() -> None:
    torch.manual_seed(0)
    block = ResidualBlock(ResnetConfig(), 4, 4, halves=False, drop_path=0.5)
    nn.init.ones_(block.last_norm.weight)
    x = torch.rand(64, 4, 3, 3)
    untouched = (block(x) == x).flatten(1).all(1)
    assert 16 < untouched.sum() < 48


def test_a_patch_stem_halves_the_map() -> None:
    maps = []
    for stem in ("plain", "patch"):
        model = ResnetConfig.model_validate({"stem": stem, "widths": (4,), "blocks": (1,)})
        built = model.build(3, 2)
        built.blocks.register_forward_hook(lambda _, __, out: maps.append(out.shape[2:]))
        built(torch.rand(2, 3, 32, 48))
    assert maps == [(32, 48), (16, 24)]


@pytest.mark.parametrize(("channels", "bottleneck"), [(12, 8), (256, 16)])
def test_squeeze_excitation(channels: int, bottleneck: int) -> None:
    torch.manual_seed(0)
    layer = SqueezeExcitation(channels)
    assert layer.squeeze.out_features == bottleneck
    x = torch.randn(3, channels, 5, 4)
    mean = x.sum((2, 3)) / 20
    hidden = (mean @ layer.squeeze.weight.T + layer.squeeze.bias).clamp(min=0)
    scale = 1 / (1 + torch.exp(-(hidden @ layer.excite.weight.T + layer.excite.bias)))
    torch.testing.assert_close(layer(x), torch.einsum("bchw,bc->bchw", x, scale))
