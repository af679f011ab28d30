from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import nn

from bossline.models.images import CnnConfig
from bossline.models.layers import Dropout


def plain(
    widths: list[int], hidden: list[int], outputs: int, pool: type[nn.Module] = nn.MaxPool2d
) -> nn.Sequential:
    """The course's network for sides of 32 x 4, as it is usually written."""
    layers: list[nn.Module] = []
    inputs = 3
    for width in widths:
        layers += [
            nn.Conv2d(inputs, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            pool(2, 2, 0),
        ]  # fmt: skip
        inputs = width
    layers.append(nn.Flatten())
    inputs *= 4 * 4
    for units in hidden:
        layers += [nn.Linear(inputs, units), nn.ReLU()]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("pooling", "pool"), [("max", nn.MaxPool2d), ("mean", nn.AvgPool2d)])
def test_the_course_network(
    training: bool, pooling: Literal["max", "mean"], pool: type[nn.Module]
) -> None:
    torch.manual_seed(0)
    config = CnnConfig(width=4, hidden=(24, 12), pooling=pooling)
    model = config.build(3, 11).train(training).double()
    reference = plain([4, 8, 16, 32, 32], [24, 12], 11, pool).train(training).double()
    for own, other in zip(model.parameters(), reference.parameters(), strict=True):
        other.data.copy_(own.data)
    images = torch.rand(4, 3, 128, 128, dtype=torch.float64)
    logits, expected = model(images), reference((images - 0.5) / 0.25)
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)
    logits.square().sum().backward()
    expected.square().sum().backward()
    for own, other in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(own.grad, other.grad, rtol=1e-2, atol=1e-4)


def test_parameters_of_the_defaults() -> None:
    widths = [64, 128, 256, 512, 512]
    blocks = sum(
        9 * before * width + 2 * width for before, width in zip([3, *widths], widths, strict=False)
    )
    layers = (512 * 16 + 1) * 1024 + (1024 + 1) * 512 + (512 + 1) * 11
    model = CnnConfig().build(3, 11)
    assert sum(parameter.numel() for parameter in model.parameters()) == blocks + layers


def test_dropout_follows_every_hidden_layer() -> None:
    model = CnnConfig(width=2, hidden=(6, 5, 4), dropout=0.3).build(3, 2)
    assert [layer.p for layer in model.layers if isinstance(layer, Dropout)] == [0.3] * 3
