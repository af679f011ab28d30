"""Statistics pooling, of the x-vector."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from bossline.batches.padded import Padded
from bossline.config import Config
from bossline.models.pooling.base import Pooling, equal_weights, real_frames, weighted_statistics


class StatisticsConfig(Config):
    kind: Literal["statistics"] = "statistics"

    def build(self, inputs: int) -> StatisticsPooling:
        """
        Args:
            inputs: numbers per frame.
        """
        return StatisticsPooling(inputs)


class StatisticsPooling(Pooling):
    """Padded (B, T, inputs) -> (B, 2 x inputs): means, then standard deviations.

    Snyder et al. 2018, "X-vectors: robust DNN embeddings for speaker recognition". The variance is
    that of the frames at hand, divided by T.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.outputs = 2 * inputs

    def forward(self, batch: Padded) -> Tensor:
        x = real_frames(batch)
        return torch.cat(weighted_statistics(x, equal_weights(batch, x.dtype)), dim=1)
