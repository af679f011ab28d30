"""Transformer encoders."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from bossline.batches.padded import Padded, Padding
from bossline.models.attention_config import AttentionConfig, NormPlace
from bossline.models.encoders.layers import (
    Encoder,
    Kernel,
    TimeConvolution,
    zero_padding,
)
from bossline.models.layers import Dropout, DropPath, drop_path_rates
from bossline.models.positions import Places, positions_of


class TransformerConfig(AttentionConfig):
    """linear, depth x (attention, feed-forward), norm."""

    kind: Literal["transformer"] = "transformer"
    norm: NormPlace = Field("pre", description="before branches, or after their residuals")
    drop_path: float = Field(
        0.0, ge=0, lt=1, description="chance to drop a branch of the last layer; less before it"
    )

    def build(self, inputs: int) -> Transformer:
        """
        Args:
            inputs: numbers per frame.
        """
        return Transformer(self, inputs)


class Transformer(Encoder):
    """(B, T, inputs) -> (B, T, width). arXiv 1706.03762; its norms as there, or as in 2002.04745.

    Norms before the branches leave the sum of all branches unscaled, hence another at the end.
    """

    def __init__(self, config: TransformerConfig, inputs: int) -> None:
        super().__init__()
        self.outputs = config.width
        self.project = nn.Linear(inputs, config.width)
        self.positions = positions_of(config.positions, config.width, config.heads)
        self.dropout = Dropout(config.input_dropout or 0.0)
        rates = drop_path_rates(config.drop_path, config.depth)
        self.layers = nn.ModuleList(_Layer(config, rate) for rate in rates)
        self.norm = nn.LayerNorm(config.width) if config.norm == "pre" else nn.Identity()

    def forward(self, batch: Padded) -> Padded:
        x = self.positions.added(self.project(zero_padding(batch.frames, batch.padding)))
        x = self.dropout(x)
        places = self.positions(x.shape[1])
        for layer in self.layers:
            x = layer(x, batch.padding, places)
        return batch.with_frames(self.norm(x))


class _Layer(nn.Module):
    def __init__(self, config: TransformerConfig, drop_path: float) -> None:
        super().__init__()
        pre = config.norm == "pre"
        self.norm = nn.LayerNorm(config.width)
        self.attention = config.attention()
        self.feed_forward = config.feed_forward_layer(nn.GELU(), norm=pre)
        self.last_norm = None if pre else nn.LayerNorm(config.width)
        self.dropout = Dropout(config.dropout)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, padding: Padding, places: Places) -> Tensor:
        if self.last_norm is not None:
            attended = self.attention(x, padding, places)
            x = self.norm(x + self.drop_path(self.dropout(attended)))
            normed: Tensor = self.last_norm(x + self.drop_path(self.feed_forward(x)))
            return normed
        attended = self.attention(self.norm(x), padding, places)
        x = x + self.drop_path(self.dropout(attended))
        transformed: Tensor = self.drop_path(self.feed_forward(x))
        return x + transformed


# The convolutional Transformer layer that smooths a sequence of frames.


class SmootherConfig(AttentionConfig):
    """linear, depth x (attention, norm, convolution, ReLU, linear, norm)."""

    kind: Literal["smoother"] = "smoother"
    kernel: Kernel = Field(5, description="frames that a convolution sees, odd")
    convolution_dropout: float | None = Field(
        None, ge=0, lt=1, description="of the convolution's branch; null: as dropout"
    )

    def build(self, inputs: int) -> SmootherEncoder:
        """
        Args:
            inputs: numbers per frame.
        """
        return SmootherEncoder(self, inputs)


class SmootherEncoder(Encoder):
    """(B, T, inputs) -> (B, T, width).

    Like the Transformer block of FastSpeech (Ren et al. 2019, arXiv 1905.09263): the first layer
    of the feed-forward sees neighbouring frames. The norms stand after the branches.
    """

    def __init__(self, config: SmootherConfig, inputs: int) -> None:
        super().__init__()
        self.outputs = config.width
        self.project = nn.Linear(inputs, config.width)
        self.positions = positions_of(config.positions, config.width, config.heads)
        self.dropout = Dropout(config.input_dropout or 0.0)
        self.layers = nn.ModuleList(_SmootherLayer(config) for _ in range(config.depth))

    def forward(self, batch: Padded) -> Padded:
        x = self.positions.added(self.project(zero_padding(batch.frames, batch.padding)))
        x = self.dropout(x)
        places = self.positions(x.shape[1])
        for layer in self.layers:
            x = layer(x, batch.padding, places)
        return batch.with_frames(x)


class _SmootherLayer(nn.Module):
    def __init__(self, config: SmootherConfig) -> None:
        super().__init__()
        self.attention = config.attention()
        self.attention_norm = nn.LayerNorm(config.width)
        self.convolution = TimeConvolution(config.width, config.inner, config.kernel)
        self.contract = nn.Linear(config.inner, config.width)  # a convolution of kernel 1
        self.norm = nn.LayerNorm(config.width)
        self.dropout = Dropout(config.dropout)
        self.convolution_dropout = Dropout(config.rate(config.convolution_dropout))

    def forward(self, x: Tensor, padding: Padding, places: Places) -> Tensor:
        attended = self.attention(x, padding, places)
        x = self.attention_norm(x + self.dropout(attended))
        smoothed = self.contract(self.convolution(x, padding).relu())
        normed: Tensor = self.norm(x + self.convolution_dropout(smoothed))
        return normed
