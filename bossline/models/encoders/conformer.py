"""The Conformer (Gulati et al. 2020, arXiv 2005.08100)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from bossline.batches.padded import Padded, Padding
from bossline.models.attention_config import AttentionConfig
from bossline.models.encoders.layers import (
    Encoder,
    Kernel,
    MaskedBatchNorm,
    TimeConvolution,
    zero_padding,
)
from bossline.models.layers import Dropout, DropPath, Linear, drop_path_rates
from bossline.models.positions import Places, positions_of


class ConformerConfig(AttentionConfig):
    """linear, depth x (half feed-forward, attention, convolution, half feed-forward, norm)."""

    kind: Literal["conformer"] = "conformer"
    kernel: Kernel = Field(31, description="frames that a convolution sees, odd")
    convolution_dropout: float | None = Field(
        None, ge=0, lt=1, description="of the convolution's branch; null: as dropout"
    )
    half_step_residual: bool = Field(
        True, description="whether a feed-forward adds half of what it says, as in the paper"
    )
    drop_path: float = Field(
        0.0, ge=0, lt=1, description="chance to drop a branch of the last layer; less before it"
    )

    def build(self, inputs: int) -> Conformer:
        """
        Args:
            inputs: numbers per frame.
        """
        return Conformer(self, inputs)


class Conformer(Encoder):
    """(B, T, inputs) -> (B, T, width).

    The paper's blocks. Its positions are `relative`; rotary ones are so too, and faster.
    """

    def __init__(self, config: ConformerConfig, inputs: int) -> None:
        super().__init__()
        self.outputs = config.width
        self.project = Linear(inputs, config.width)
        self.positions = positions_of(config.positions, config.width, config.heads)
        self.dropout = Dropout(config.input_dropout or 0.0)
        rates = drop_path_rates(config.drop_path, config.depth)
        self.blocks = nn.ModuleList(_Block(config, rate) for rate in rates)

    def forward(self, batch: Padded) -> Padded:
        x = self.positions.added(self.project(zero_padding(batch.frames, batch.padding)))
        x = self.dropout(x)
        places = self.positions(x.shape[1])
        for block in self.blocks:
            x = block(x, batch.padding, places)
        return batch.with_frames(x)


class _Block(nn.Module):
    def __init__(self, config: ConformerConfig, drop_path: float) -> None:
        super().__init__()
        width = config.width
        self.step = 0.5 if config.half_step_residual else 1.0
        self.first = config.feed_forward_layer(nn.SiLU())
        self.attention_norm = nn.LayerNorm(width)
        self.attention = config.attention()
        self.convolution = ConvolutionModule(width, config.kernel)
        self.second = config.feed_forward_layer(nn.SiLU())
        self.norm = nn.LayerNorm(width)
        self.dropout = Dropout(config.dropout)
        self.convolution_dropout = Dropout(config.rate(config.convolution_dropout))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, padding: Padding, places: Places) -> Tensor:
        x = torch.add(x, self.drop_path(self.first(x)), alpha=self.step)
        attended = self.attention(self.attention_norm(x), padding, places)
        x = x + self.drop_path(self.dropout(attended))
        x = x + self.drop_path(self.convolution_dropout(self.convolution(x, padding)))
        x = torch.add(x, self.drop_path(self.second(x)), alpha=self.step)
        normed: Tensor = self.norm(x)
        return normed


class ConvolutionModule(nn.Module):
    """(B, T, width) -> (B, T, width), without the residual.

    The first linear layer doubles the channels and the gated unit halves them again: the depthwise
    convolution has `width`.
    """

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.expand = Linear(width, 2 * width)
        self.depthwise = TimeConvolution(width, width, kernel, groups=width, bias=False)
        self.batch_norm = MaskedBatchNorm(width)
        self.contract = Linear(width, width)

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """
        Args:
            x: (B, T, width).
            padding: of these frames.
        """
        gated = functional.glu(self.expand(self.norm(x)))
        convolved = self.batch_norm(self.depthwise(gated, padding), padding)
        contracted: Tensor = self.contract(functional.silu(convolved))
        return contracted
