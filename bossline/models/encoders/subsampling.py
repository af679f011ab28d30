"""Convolutional subsampling: a quarter of the frames for the encoder that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import Field
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.config import Config
from bossline.errors import UserError
from bossline.models.encoders.base import Encoder, zero_padding

if TYPE_CHECKING:
    from bossline.models.encoders import EncoderConfig

_MINIMUM = 7  # frames, or numbers per frame, under which nothing is left

_Size = TypeVar("_Size", int, Tensor)


class SubsampleConfig(Config):
    """Two convolutions over time and feature, then another encoder."""

    kind: Literal["subsample"] = "subsample"
    channels: int = Field(32, ge=1, description="channels of both convolutions")
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
    frame count as neighbours of each other: meant for filterbanks.
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
        self.encoder = config.encoder.build(config.channels * _quarter(inputs))
        self.outputs = self.encoder.outputs

    def forward(self, batch: Padded) -> Padded:
        shortest = int(batch.lengths.min())
        if shortest < _MINIMUM:
            raise UserError(
                f"an utterance of {shortest} frames is too short for subsampling: leave out those "
                f"under {_MINIMUM} frames, or train without it"
            )
        images = zero_padding(batch.frames, batch.mask).unsqueeze(1)
        maps: Tensor = self.convolutions(images)  # (B, channels, T', features')
        frames = maps.transpose(1, 2).flatten(2)
        encoded: Padded = self.encoder(Padded(frames, _quarter(batch.lengths)))
        return encoded


def _quarter(size: _Size) -> _Size:
    """What is left of so many frames, or numbers per frame."""
    return ((size - 1) // 2 - 1) // 2
