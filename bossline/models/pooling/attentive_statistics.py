"""Attentive statistics pooling (Okabe et al. 2018, arXiv 1803.10963), in the form of ECAPA-TDNN."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.config import Config
from bossline.models.pooling.base import (
    Pooling,
    attention_weights,
    equal_weights,
    real_frames,
    weighted_statistics,
)


class AttentiveStatisticsConfig(Config):
    """Weights from a bottleneck with tanh, for every channel its own."""

    kind: Literal["attentive-statistics"] = "attentive-statistics"
    bottleneck: int = Field(128, ge=1, description="units between a frame and its weights")
    context: bool = Field(
        True, description="a frame's weights also see the utterance's mean and standard deviation"
    )

    def build(self, inputs: int) -> AttentiveStatisticsPooling:
        """
        Args:
            inputs: numbers per frame.
        """
        return AttentiveStatisticsPooling(self, inputs)


class AttentiveStatisticsPooling(Pooling):
    """Padded (B, T, inputs) -> (B, 2 x inputs): weighted means, then standard deviations.

    Channel- and context-dependent (Desplanques et al. 2020, arXiv 2005.07143). There the context
    stands beside every frame before one linear layer; here it has its own, whose result is added:
    the same function, without T copies of the context.
    """

    def __init__(self, config: AttentiveStatisticsConfig, inputs: int) -> None:
        super().__init__()
        self.outputs = 2 * inputs
        self.frame = nn.Linear(inputs, config.bottleneck)
        self.context = (
            nn.Linear(2 * inputs, config.bottleneck, bias=False) if config.context else None
        )
        # the softmax would take a bias out again
        self.score = nn.Linear(config.bottleneck, inputs, bias=False)

    def forward(self, batch: Padded) -> Tensor:
        x = real_frames(batch)
        hidden = self.frame(x)
        if self.context is not None:
            context = torch.cat(weighted_statistics(x, equal_weights(batch, x.dtype)), dim=1)
            hidden = hidden + self.context(context).unsqueeze(1)
        weights = attention_weights(self.score(hidden.tanh()), batch.mask)
        return torch.cat(weighted_statistics(x, weights), dim=1)
