"""The mean over time."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from bossline.batches.padded import Padded
from bossline.config import Config
from bossline.models.pooling.base import Pooling, equal_weights, real_frames, weighted_mean


class MeanConfig(Config):
    kind: Literal["mean"] = "mean"

    def build(self, inputs: int) -> MeanPooling:
        """
        Args:
            inputs: numbers per frame.
        """
        return MeanPooling(inputs)


class MeanPooling(Pooling):
    """Padded (B, T, inputs) -> (B, inputs)."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.outputs = inputs

    def forward(self, batch: Padded) -> Tensor:
        x = real_frames(batch)
        return weighted_mean(x, equal_weights(batch, x.dtype))
