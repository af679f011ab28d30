"""A Transformer encoder whose norms stand before its branches."""

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
from bossline.models.encoders.drop_path import DropPath, drop_path_rates
from bossline.models.encoders.feed_forward import FeedForward


class TransformerConfig(AttentionConfig):
    """linear, depth x (attention, feed-forward), norm."""

    kind: Literal["transformer"] = "transformer"
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
    """(B, T, inputs) -> (B, T, width). arXiv 1706.03762; pre-norm as in arXiv 2002.04745.

    Pre-norm leaves the sum of all branches unscaled, hence the norm at the end.
    """

    def __init__(self, config: TransformerConfig, inputs: int) -> None:
        super().__init__()
        self.outputs = config.width
        self.project = nn.Linear(inputs, config.width)
        self.positions = RotaryPositions(config.width // config.heads)
        rates = drop_path_rates(config.drop_path, config.depth)
        self.layers = nn.ModuleList(_Layer(config, rate) for rate in rates)
        self.norm = nn.LayerNorm(config.width)

    def forward(self, batch: Padded) -> Padded:
        x = self.project(zero_padding(batch.frames, batch.mask))
        rotation = self.positions(x.shape[1])
        for layer in self.layers:
            x = layer(x, batch.mask, rotation)
        return batch.with_frames(self.norm(x))


class _Layer(nn.Module):
    def __init__(self, config: TransformerConfig, drop_path: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width)
        self.attention = SelfAttention(config.width, config.heads)
        self.feed_forward = FeedForward(
            config.width, config.feed_forward, nn.GELU(), config.dropout
        )
        self.dropout = Dropout(config.dropout)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, mask: Tensor, rotation: Rotation) -> Tensor:
        attended = self.attention(self.norm(x), mask, rotation)
        x = x + self.drop_path(self.dropout(attended))
        transformed: Tensor = self.drop_path(self.feed_forward(x))
        return x + transformed
