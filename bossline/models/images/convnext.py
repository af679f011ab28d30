"""ConvNeXt (Liu et al. 2022, arXiv 2201.03545)."""

from __future__ import annotations

from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from bossline.models.depthwise import DepthwiseConv2d
from bossline.models.dropout import Dropout
from bossline.models.encoders.convolution import Kernel
from bossline.models.encoders.drop_path import DropPath
from bossline.models.images.layout import centred, mean_pixel
from bossline.models.images.stages import Counts, Layers, StagesConfig

_EXPANSION = 4
_SMALLEST = 32  # sides of images
_DEVIATION = 0.02  # of initial weights


class ConvnextConfig(StagesConfig):
    """Patches, stages of blocks, the mean over the map, norm, one linear layer."""

    kind: Literal["convnext"] = "convnext"
    widths: Counts = Field((48, 96, 192, 384), description="channels of each stage")
    blocks: Layers = Field((2, 2, 6, 2), description="blocks of each stage")
    kernel: Kernel = Field(7, description="side of the depthwise convolutions, odd")
    patch: int = Field(4, ge=1, description="pixels of an image beside each other that become one")
    layer_scale: float = Field(
        1e-6, gt=0, description="factor of a branch before training; each channel learns its own"
    )

    @model_validator(mode="after")
    def _something_remains_of_small_images(self) -> Self:
        if self.patch * 2 ** (len(self.widths) - 1) > _SMALLEST:
            raise ValueError(
                f"patches of {self.patch} halved by {len(self.widths)} stages leave nothing of an "
                f"image of side {_SMALLEST}: take smaller patches or fewer stages"
            )
        return self

    @property
    def least_side(self) -> int:
        """Pixels of a square that is not halved away."""
        return int(self.patch * 2 ** (len(self.widths) - 1))

    def build(self, inputs: int, outputs: int) -> Convnext:
        """
        Args:
            inputs: channels.
            outputs: classes.
        """
        return Convnext(self, inputs, outputs)


class Convnext(nn.Module):
    """(B, inputs, H, W) in 0..1 -> (B, outputs) logits, for sides from 32.

    Pixels beyond the last whole patch are left out.
    """

    def __init__(self, config: ConvnextConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        width = config.widths[0]
        layers = [nn.Conv2d(inputs, width, config.patch, config.patch), ChannelNorm(width)]
        for stage, (outwards, rates) in enumerate(config.stages()):
            if stage > 0:
                layers += [ChannelNorm(width), nn.Conv2d(width, outwards, 2, 2)]
            layers += [ConvnextBlock(config, outwards, rate) for rate in rates]
            width = outwards
        self.layers = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(width)
        self.dropout = Dropout(config.dropout)
        self.output = nn.Linear(width, outputs)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=_DEVIATION)
                nn.init.zeros_(layer.get_parameter("bias"))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        maps = self.layers(centred(images))
        logits: Tensor = self.output(self.dropout(self.norm(mean_pixel(maps))))
        return logits


class ChannelNorm(nn.LayerNorm):
    """(B, C, H, W) -> the same shape: layer norm of the channels of each pixel.

    Channels last in memory, they are the last dimension of a view: nothing is copied.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvnextBlock(nn.Module):
    """(B, width, H, W) -> the same shape: a depthwise convolution, then two layers of each pixel.

    Layer scale enters the weights of the last layer instead of its results, which are many more.
    """

    def __init__(self, config: ConvnextConfig, width: int, drop_path: float) -> None:
        super().__init__()
        kernel = config.kernel
        self.depthwise = DepthwiseConv2d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = ChannelNorm(width)
        self.expand = nn.Conv2d(width, _EXPANSION * width, 1)
        self.contract = nn.Conv2d(_EXPANSION * width, width, 1)
        self.scale = nn.Parameter(torch.full((width,), config.layer_scale))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        hidden = functional.gelu(self.expand(self.norm(self.depthwise(x))))
        branch = functional.conv2d(
            hidden,
            self.contract.weight * self.scale[:, None, None, None],
            self.contract.get_parameter("bias") * self.scale,
        )
        total: Tensor = x + self.drop_path(branch)
        return total
