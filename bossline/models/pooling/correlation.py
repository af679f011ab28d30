"""Correlation pooling (Stafylakis et al. 2021, arXiv 2104.02571): which channels go together."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.config import Config
from bossline.models.dropout import Dropout
from bossline.models.pooling.base import (
    Pooling,
    equal_weights,
    real_frames,
    weighted_statistics,
)


class CorrelationConfig(Config):
    """Correlations over time between a few projections of the encoder's channels."""

    kind: Literal["correlation"] = "correlation"
    channels: int = Field(64, ge=2, description="projections, of which each pair is correlated")
    dropout: float = Field(0.25, ge=0, lt=1, description="of the correlations")

    def build(self, inputs: int) -> CorrelationPooling:
        """
        Args:
            inputs: numbers per frame.
        """
        return CorrelationPooling(self, inputs)


class CorrelationPooling(Pooling):
    """Padded (B, T, inputs) -> (B, outputs): log deviations, then correlations of the pairs.

    Means and deviations look at each channel alone; this is what they leave out. The paper drops
    channels, here single correlations are dropped.
    """

    pairs: Tensor  # (2, pairs of channels)

    def __init__(self, config: CorrelationConfig, inputs: int) -> None:
        super().__init__()
        channels = config.channels
        self.outputs = channels + channels * (channels - 1) // 2
        self.project = nn.Linear(inputs, channels)
        self.register_buffer("pairs", torch.triu_indices(channels, channels, 1), persistent=False)
        self.dropout = Dropout(config.dropout)

    def forward(self, batch: Padded) -> Tensor:
        x = real_frames(batch)
        with torch.autocast(x.device.type, enabled=False):
            projected = self.project(x.to(self.project.weight.dtype))
            weights = equal_weights(batch, projected.dtype)
            mean, deviation = weighted_statistics(projected, weights)
            # the root of a weight on either side of the product
            z = (projected - mean.unsqueeze(1)) / deviation.unsqueeze(1) * weights.sqrt()
            correlations = (z.mT @ z)[:, self.pairs[0], self.pairs[1]]
            return torch.cat([deviation.log(), self.dropout(correlations)], dim=1)
