"""The course's network for food: convolutions that halve the map, then linear layers."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.config import Config
from bossline.models.dropout import Dropout
from bossline.models.images.layout import centred

_SIDE = 4  # of the flat map: five halvings of the course's 128
_WIDEST = 8  # times the first width


class CnnConfig(Config):
    """depth x (convolution, batch norm, ReLU, max pooling), then linear layers to the classes."""

    takes: ClassVar[str] = "images"
    fitted: ClassVar[bool] = False

    kind: Literal["cnn"] = "cnn"
    width: int = Field(
        64,
        ge=1,
        description="channels of the first block; they double from block to block, up to 8x",
    )
    depth: int = Field(5, ge=1, le=5, description="blocks; each halves the sides of the map")
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (1024, 512), description="units of each linear layer before the output"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="after each hidden linear layer")

    @property
    def least_side(self) -> int:
        """Pixels of a square that is not halved away."""
        return 1 << self.depth

    def build(self, inputs: int, outputs: int) -> Cnn:
        """
        Args:
            inputs: channels.
            outputs: classes.
        """
        return Cnn(self, inputs, outputs)


class Cnn(nn.Module):
    """(B, inputs, H, W) in 0..1 -> (B, outputs) logits, for sides from 32.

    The last map is averaged into 4 x 4 pixels, which is what sides of 128 come to at depth 5; so
    the same weights take any sides.
    """

    def __init__(self, config: CnnConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        widths = [config.width * min(2**block, _WIDEST) for block in range(config.depth)]
        befores = [inputs, *widths[:-1]]
        self.blocks = nn.Sequential(
            *(_block(before, width) for before, width in zip(befores, widths, strict=True))
        )
        self.pool = nn.AdaptiveAvgPool2d(_SIDE)
        layers: list[nn.Module] = []
        flat = widths[-1] * _SIDE * _SIDE
        for units in config.hidden:
            layers += [nn.Linear(flat, units), nn.ReLU(), Dropout(config.dropout)]
            flat = units
        self.layers = nn.Sequential(*layers, nn.Linear(flat, outputs))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        maps = self.pool(self.blocks(centred(images)))
        logits: Tensor = self.layers(maps.flatten(1))
        return logits


def _block(inputs: int, outputs: int) -> nn.Sequential:
    """ReLU comes after the pooling: the maximum is the same, and it has a quarter of the work."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
    )
