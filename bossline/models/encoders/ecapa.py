"""ECAPA-TDNN (Desplanques et al. 2020, arXiv 2005.07143), up to its pooling."""

from __future__ import annotations

from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from bossline.batches.padded import Padded, Padding
from bossline.core.config import Config
from bossline.models.encoders.layers import Encoder, MaskedBatchNorm, TimeConvolution, zero_padding

_DILATIONS = (2, 3, 4)


class EcapaConfig(Config):
    """A convolution, three SE-Res2Blocks of dilations 2, 3 and 4, all three aggregated."""

    kind: Literal["ecapa"] = "ecapa"
    channels: int = Field(512, ge=2, description="of the convolutions; scale must divide them")
    scale: int = Field(8, ge=2, description="groups of channels in a Res2 convolution")
    bottleneck: int = Field(128, ge=1, description="units within a squeeze-excitation")
    aggregated: int = Field(1536, ge=1, description="channels that come out")

    @model_validator(mode="after")
    def _scale_divides_the_channels(self) -> Self:
        if self.channels % self.scale:
            raise ValueError(f"channels {self.channels} are no multiple of scale = {self.scale}")
        return self

    def build(self, inputs: int) -> Ecapa:
        """
        Args:
            inputs: numbers per frame.
        """
        return Ecapa(self, inputs)


class Ecapa(Encoder):
    """(B, T, inputs) -> (B, T, aggregated).

    Every block reads the sum of all that came before it, and what comes out is made of all blocks
    side by side.
    """

    def __init__(self, config: EcapaConfig, inputs: int) -> None:
        super().__init__()
        self.outputs = config.aggregated
        self.front = _Layer(inputs, config.channels, 5)
        self.blocks = nn.ModuleList(_Block(config, dilation) for dilation in _DILATIONS)
        self.aggregate = nn.Linear(len(_DILATIONS) * config.channels, config.aggregated)

    def forward(self, batch: Padded) -> Padded:
        total = self.front(batch.frames, batch.padding)
        encoded = []
        for block in self.blocks:
            encoded.append(block(total, batch.padding))
            total = total + encoded[-1]
        return batch.with_frames(self.aggregate(torch.cat(encoded, dim=-1)).relu())


class _Layer(nn.Module):
    """Convolution, ReLU, norm."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        self.convolution = TimeConvolution(inputs, outputs, kernel, dilation=dilation)
        self.norm = MaskedBatchNorm(outputs)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        normed: Tensor = self.norm(self.convolution(x, padding).relu(), padding)
        return normed


class _Block(nn.Module):
    def __init__(self, config: EcapaConfig, dilation: int) -> None:
        super().__init__()
        self.first = _Layer(config.channels, config.channels, 1)
        self.res2 = Res2Convolution(config.channels, config.scale, dilation)
        self.last = _Layer(config.channels, config.channels, 1)
        self.excitation = MaskedSqueezeExcitation(config.channels, config.bottleneck)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        transformed = self.last(self.res2(self.first(x, padding), padding), padding)
        excited: Tensor = self.excitation(transformed, padding)
        return x + excited


class Res2Convolution(nn.Module):
    """(B, T, channels) -> (B, T, channels): a chain of narrow convolutions (arXiv 1904.01169).

    The first group of channels passes as it is; each other one is convolved together with the
    result of the group before it.
    """

    def __init__(self, channels: int, scale: int, dilation: int) -> None:
        super().__init__()
        width = channels // scale
        self.layers = nn.ModuleList(_Layer(width, width, 3, dilation) for _ in range(scale - 1))

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """
        Args:
            x: (B, T, channels).
            padding: of these frames.
        """
        passed, second, *others = x.chunk(len(self.layers) + 1, dim=-1)
        first, *layers = self.layers
        convolved = [first(second, padding)]
        for layer, group in zip(layers, others, strict=True):
            convolved.append(layer(group + convolved[-1], padding))
        return torch.cat((passed, *convolved), dim=-1)


class MaskedSqueezeExcitation(nn.Module):
    """(B, T, channels) -> (B, T, channels): channels scaled by what their means say.

    Hu et al., arXiv 1709.01507; the means are over the real frames of each utterance.
    """

    def __init__(self, channels: int, bottleneck: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, bottleneck)
        self.excite = nn.Linear(bottleneck, channels)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """
        Args:
            x: (B, T, channels).
            padding: of these frames.
        """
        total = zero_padding(x, padding).sum(1, dtype=self.squeeze.weight.dtype)
        mean = total / padding.lengths.unsqueeze(1)
        scale: Tensor = self.excite(self.squeeze(mean).relu()).sigmoid()
        return x * scale.unsqueeze(1)
