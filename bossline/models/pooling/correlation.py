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
    correlations_over_time,
    real_frames,
    standardised,
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

    def __init__(self, config: CorrelationConfig, inputs: int) -> None:
        super().__init__()
        channels = config.channels
        self.outputs = channels + channels * (channels - 1) // 2
        self.project = nn.Linear(inputs, channels)
        self.dropout = Dropout(config.dropout)

    def forward(self, batch: Padded) -> Tensor:
        x = real_frames(batch)
        with torch.autocast(x.device.type, enabled=False):
            projected = self.project(x.to(self.project.weight.dtype))
            z, deviation = standardised(batch.with_frames(projected))
            correlations = correlations_over_time(z, batch.lengths, 0)
            return torch.cat([deviation.log(), self.dropout(correlations)], dim=1)
