"""A residual network (He et al. 2015, arXiv 1512.03385) of basic blocks."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.models.dropout import Dropout
from bossline.models.encoders.drop_path import DropPath
from bossline.models.images.layout import centred, mean_pixel
from bossline.models.images.squeeze_excitation import SqueezeExcitation
from bossline.models.images.stages import Counts, Layers, StagesConfig


class ResnetConfig(StagesConfig):
    """A stem, stages of residual blocks, the mean over the map, one linear layer."""

    kind: Literal["resnet"] = "resnet"
    widths: Counts = Field((64, 128, 256, 512), description="channels of each stage")
    blocks: Layers = Field((2, 2, 2, 2), description="blocks of each stage")
    stem: Literal["plain", "patch"] = Field(
        "plain", description="3x3 convolution, or 4x4 of stride 2: a quarter of the work from there"
    )
    squeeze_excitation: bool = Field(False, description="blocks scale their channels")

    @property
    def least_side(self) -> int:
        """Pixels of a square that is not halved away."""
        return 2 if self.stem == "patch" else 1

    def build(self, inputs: int, outputs: int) -> Resnet:
        """
        Args:
            inputs: channels.
            outputs: classes.
        """
        return Resnet(self, inputs, outputs)


class Resnet(nn.Module):
    """(B, inputs, H, W) in 0..1 -> (B, outputs) logits, for any sides."""

    def __init__(self, config: ResnetConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        width = config.widths[0]
        kernel, stride = {"plain": (3, 1), "patch": (4, 2)}[config.stem]
        self.stem = nn.Conv2d(inputs, width, kernel, stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        blocks = []
        for stage, (outwards, rates) in enumerate(config.stages()):
            for block, rate in enumerate(rates):
                halves = stage > 0 and block == 0
                blocks.append(ResidualBlock(config, width, outwards, halves, rate))
                width = outwards
        self.blocks = nn.Sequential(*blocks)
        self.dropout = Dropout(config.dropout)
        self.output = nn.Linear(width, outputs)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        maps = self.blocks(self.norm(self.stem(centred(images))).relu_())
        logits: Tensor = self.output(self.dropout(mean_pixel(maps)))
        return logits


class ResidualBlock(nn.Module):
    """(B, inputs, H, W) -> (B, outputs, H, W), or half of both sides, rounded up.

    The last norm of the branch starts at zero (arXiv 1706.02677), so the block first passes on what
    it gets. Where it halves the map, its shortcut takes the mean of each 2 x 2 pixels and so drops
    none (arXiv 1812.01187). ReLU and sum work in place, since nothing needs what they replace: on
    a CPU new memory costs more than the sum.
    """

    def __init__(
        self, config: ResnetConfig, inputs: int, outputs: int, halves: bool, drop_path: float
    ) -> None:
        super().__init__()
        stride = 2 if halves else 1
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.last = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.last_norm = nn.BatchNorm2d(outputs)
        nn.init.zeros_(self.last_norm.weight)
        self.excitation = SqueezeExcitation(outputs) if config.squeeze_excitation else nn.Identity()
        self.drop_path = DropPath(drop_path)
        self.shortcut = _shortcut(inputs, outputs, halves)

    def forward(self, x: Tensor) -> Tensor:
        branch = self.first_norm(self.first(x)).relu_()
        branch = self.excitation(self.last_norm(self.last(branch)))
        total: Tensor = self.drop_path(branch).add_(self.shortcut(x)).relu_()
        return total


def _shortcut(inputs: int, outputs: int, halves: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    if halves:
        layers.append(nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False))
    if halves or inputs != outputs:
        layers.append(nn.Conv2d(inputs, outputs, 1, bias=False))
        layers.append(nn.BatchNorm2d(outputs))
    return nn.Sequential(*layers)
