"""The convolutional Transformer layer that smooths a sequence of frames."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.models.dropout import Dropout
from bossline.models.encoders.attention import (
    AttentionConfig,
    RotaryPositions,
    Rotation,
    SelfAttention,
)
from bossline.models.encoders.base import Encoder, zero_padding
from bossline.models.encoders.convolution import Kernel, TimeConvolution


class SmootherConfig(AttentionConfig):
    """linear, depth x (attention, norm, convolution, ReLU, linear, norm)."""

    kind: Literal["smoother"] = "smoother"
    kernel: Kernel = Field(5, description="frames that a convolution sees, odd")

    def build(self, inputs: int) -> Smoother:
        """
        Args:
            inputs: numbers per frame.
        """
        return Smoother(self, inputs)


class Smoother(Encoder):
    """(B, T, inputs) -> (B, T, width).

    Like the Transformer block of FastSpeech (Ren et al. 2019, arXiv 1905.09263): the first layer
    of the feed-forward sees neighbouring frames. The norms stand after the branches.
    """

    def __init__(self, config: SmootherConfig, inputs: int) -> None:
        super().__init__()
        self.outputs = config.width
        self.project = nn.Linear(inputs, config.width)
        self.positions = RotaryPositions(config.width // config.heads)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.depth))

    def forward(self, batch: Padded) -> Padded:
        x = self.project(zero_padding(batch.frames, batch.mask))
        rotation = self.positions(x.shape[1])
        for layer in self.layers:
            x = layer(x, batch.mask, rotation)
        return batch.with_frames(x)


class _Layer(nn.Module):
    def __init__(self, config: SmootherConfig) -> None:
        super().__init__()
        inner = config.feed_forward * config.width
        self.attention = SelfAttention(config.width, config.heads)
        self.attention_norm = nn.LayerNorm(config.width)
        self.convolution = TimeConvolution(config.width, inner, config.kernel)
        self.contract = nn.Linear(inner, config.width)  # a convolution of kernel 1
        self.norm = nn.LayerNorm(config.width)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, mask: Tensor, rotation: Rotation) -> Tensor:
        attended = self.attention(x, mask, rotation)
        x = self.attention_norm(x + self.dropout(attended))
        smoothed = self.contract(self.convolution(x, mask).relu())
        normed: Tensor = self.norm(x + self.dropout(smoothed))
        return normed
