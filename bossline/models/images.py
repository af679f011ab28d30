"""Networks over images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from bossline.core.config import MOST_LAYERS
from bossline.models.base import ModelConfig
from bossline.models.depthwise import DepthwiseConv2d
from bossline.models.encoders.layers import Kernel
from bossline.models.layers import Dropout, DropPath, OutputLayer, drop_path_rates

# How images enter and leave the networks: channels last in memory.
#
# Shapes stay (B, C, H, W), but the channels of a pixel lie side by side: convolutions and pooling
# have faster kernels for that, on a CPU and on a GPU.


_CENTRE, _SPREAD = 0.5, 0.25


def centred(images: Tensor) -> Tensor:
    """(B, C, H, W) in 0..1 -> the same shape, channels last, about zero mean and unit variance."""
    return ((images - _CENTRE) / _SPREAD).contiguous(memory_format=torch.channels_last)


def mean_pixel(x: Tensor) -> Tensor:
    """(B, C, H, W) channels last -> (B, C): the mean over all pixels, float32 at least.

    Written over (B, H x W, C), whose gradient torch makes several times faster than that of a mean
    over two dimensions or of adaptive pooling.
    """
    return (
        x.permute(0, 2, 3, 1)
        .flatten(1, 2)
        .mean(1, dtype=torch.promote_types(x.dtype, torch.float32))
    )


# Squeeze-and-excitation (Hu et al. 2018, arXiv 1709.01507).


_REDUCTION = 16
_NARROWEST = 8


class SqueezeExcitation(nn.Module):
    """(B, C, H, W) -> the same shape: channels scaled by what their means say.

    The bottleneck has the paper's sixteenth of the channels, but at least 8 units.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        bottleneck = max(channels // _REDUCTION, _NARROWEST)
        self.squeeze = nn.Linear(channels, bottleneck)
        self.excite = nn.Linear(bottleneck, channels)

    def forward(self, x: Tensor) -> Tensor:
        scale: Tensor = self.excite(self.squeeze(mean_pixel(x)).relu()).sigmoid()
        return x * scale[:, :, None, None]


# What the configs of networks share that are built of stages of equal blocks.


Counts = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
Layers = Annotated[tuple[Annotated[int, Field(ge=1, le=MOST_LAYERS)], ...], Field(min_length=1)]


class StagesConfig(ModelConfig):
    """Stages of blocks; every stage after the first halves the sides of the map."""

    takes: ClassVar[str] = "images"

    widths: Counts = Field(description="channels of each stage")
    blocks: Layers = Field(description="blocks of each stage")
    drop_path: float = Field(
        0.0, ge=0, lt=1, description="chance to drop the branch of the last block; less before it"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="before the output layer")

    @model_validator(mode="after")
    def _every_stage_has_width_and_blocks(self) -> Self:
        if len(self.widths) != len(self.blocks):
            raise ValueError(
                f"widths name {len(self.widths)} stages, blocks {len(self.blocks)}: "
                "give one number a stage in each"
            )
        return self

    def stages(self) -> Iterator[tuple[int, list[float]]]:
        """Of each stage the width, and of each of its blocks the chance to drop its branch."""
        rates = iter(drop_path_rates(self.drop_path, sum(self.blocks)))
        for width, blocks in zip(self.widths, self.blocks, strict=True):
            yield width, [next(rates) for _ in range(blocks)]


# The course's network for food: convolutions that halve the map, then linear layers.


_SIDE = 4  # of the flat map: five halvings of the course's 128
_WIDEST = 8  # times the first width


class CnnConfig(ModelConfig):
    """depth x (convolution, batch norm, ReLU, pooling), then linear layers to the classes."""

    takes: ClassVar[str] = "images"

    kind: Literal["cnn"] = "cnn"
    width: int = Field(
        64,
        ge=1,
        description="channels of the first block; they double from block to block, up to 8x",
    )
    depth: int = Field(5, ge=1, le=5, description="blocks; each halves the sides of the map")
    pooling: Literal["max", "mean"] = Field("max", description="of 2 x 2 pixels")
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
            *(
                _block(before, width, config.pooling)
                for before, width in zip(befores, widths, strict=True)
            )
        )
        self.pool = nn.AdaptiveAvgPool2d(_SIDE)
        layers: list[nn.Module] = []
        flat = widths[-1] * _SIDE * _SIDE
        for units in config.hidden:
            layers += [nn.Linear(flat, units), nn.ReLU(), Dropout(config.dropout)]
            flat = units
        self.layers = nn.Sequential(*layers, OutputLayer(flat, outputs))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        maps = self.pool(self.blocks(centred(images)))
        logits: Tensor = self.layers(maps.flatten(1))
        return logits


def _block(inputs: int, outputs: int, pooling: str) -> nn.Sequential:
    """ReLU comes after a maximum, which is the same, and has a quarter of the work."""
    relu = nn.ReLU(inplace=True)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        *((nn.MaxPool2d(2), relu) if pooling == "max" else (relu, nn.AvgPool2d(2))),
    )


# A residual network (He et al. 2015, arXiv 1512.03385) of basic blocks.


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
        self.output = OutputLayer(width, outputs)
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


# ConvNeXt (Liu et al. 2022, arXiv 2201.03545).


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
        self.output = OutputLayer(width, outputs)
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
