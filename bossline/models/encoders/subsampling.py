"""Convolutional subsampling: a quarter of the frames for the encoder that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.batches.padded import Padded, Padding
from bossline.core.config import MOST_LAYERS, Config
from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.models.encoders.layers import Encoder, MaskedBatchNorm, zero_padding

if TYPE_CHECKING:
    from bossline.models.encoders import EncoderConfig

_MINIMUM = 7  # frames, or numbers per frame, under which nothing is left

_Size = TypeVar("_Size", int, Tensor, npt.NDArray[np.int64])


class SubsampleConfig(Config):
    """Two convolutions over time and feature, then another encoder."""

    kind: Literal["subsample"] = "subsample"
    channels: int = Field(32, ge=1, description="channels of all convolutions")
    blocks: int = Field(
        0,
        ge=0,
        le=MOST_LAYERS,
        description="residual blocks that follow, of two 3 x 3 convolutions each",
    )
    encoder: EncoderConfig = Field(description="what encodes the frames that are left")

    def build(self, inputs: int) -> Subsample:
        """
        Args:
            inputs: numbers per frame, at least 7.
        """
        return Subsample(self, inputs)


class Subsample(Encoder):
    """(B, T, inputs) -> (B, ((T - 1) // 2 - 1) // 2, outputs of the encoder within).

    Two 3 x 3 convolutions of stride 2, each with ReLU (Dong et al. 2018, Speech-Transformer). They
    see no frame beyond an edge, so no output of an utterance sees its padding. The numbers of a
    frame count as neighbours of each other: meant for filterbanks. Residual blocks (He et al. 2015,
    arXiv 1512.03385) make a convolutional front end as that of CAM++ (Wang et al. 2023, arXiv
    2303.00332), which hears the same pattern at any pitch.
    """

    def __init__(self, config: SubsampleConfig, inputs: int) -> None:
        super().__init__()
        if inputs < _MINIMUM:
            raise UserError(
                f"subsampling needs at least {_MINIMUM} numbers per frame, these have {inputs}"
            )
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, config.channels, 3, stride=2),
            nn.ReLU(),
            nn.Conv2d(config.channels, config.channels, 3, stride=2),
            nn.ReLU(),
        )
        self.blocks = nn.ModuleList(_Block(config.channels) for _ in range(config.blocks))
        self.encoder = config.encoder.build(config.channels * quarter(inputs))
        self.outputs = self.encoder.outputs

    def forward(self, batch: Padded) -> Padded:
        shortest = batch.padding.shortest
        if shortest is not None and shortest < _MINIMUM:
            raise UserError(
                f"an utterance of {counted(shortest, 'frame')} is too short for subsampling: "
                f"leave out those under {_MINIMUM} frames, or train without it"
            )
        images = zero_padding(batch.frames, batch.padding).unsqueeze(1)
        maps = self.convolutions(images.contiguous(memory_format=torch.channels_last))
        x = maps.permute(0, 2, 3, 1)
        padding = batch.padding.changed(quarter, x.shape[1])
        pixels = padding.scaled(x.shape[2])
        for block in self.blocks:
            x = block(x, padding, pixels)
        encoded: Padded = self.encoder(Padded(x.flatten(2), padding))
        return encoded


class _Block(nn.Module):
    """(B, T, F, channels) -> the same; beyond an utterance's frames convolutions see zeros."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.first_norm = MaskedBatchNorm(channels)
        self.last = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.last_norm = MaskedBatchNorm(channels)

    def forward(self, x: Tensor, padding: Padding, pixels: Padding) -> Tensor:
        """
        Args:
            x: (B, T, F, channels).
            padding: of the frames.
            pixels: of all T * F numbers of a channel.
        """

        def convolved(x: Tensor, convolution: nn.Module, norm: nn.Module) -> Tensor:
            real = zero_padding(x.flatten(2), padding).view(x.shape)
            maps: Tensor = convolution(real.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            normed: Tensor = norm(maps.flatten(1, 2), pixels)
            return normed.view(x.shape)

        branch = convolved(x, self.first, self.first_norm).relu()
        branch = convolved(branch, self.last, self.last_norm)
        return (x + branch).relu()


def quarter(size: _Size) -> _Size:
    """What is left of so many frames, or numbers per frame."""
    return ((size - 1) // 2 - 1) // 2
