"""Self multi-head attention pooling (India et al. 2019, arXiv 1906.09890)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.config import Config
from bossline.errors import UserError
from bossline.models.pooling.base import Pooling, attention_weights, real_frames, weighted_mean


class MultiHeadConfig(Config):
    """Every head attends to its own slice of a frame."""

    kind: Literal["multi-head"] = "multi-head"
    heads: int = Field(4, ge=1, description="slices of a frame; they must divide its numbers")

    def build(self, inputs: int) -> MultiHeadPooling:
        """
        Args:
            inputs: numbers per frame.

        Raises:
            UserError: they cannot be cut into so many slices.
        """
        return MultiHeadPooling(self, inputs)


class MultiHeadPooling(Pooling):
    """Padded (B, T, inputs) -> (B, inputs): the heads' means, side by side.

    A head has one learned query, and weights by softmax(slice . query / sqrt(width of a slice)).
    """

    def __init__(self, config: MultiHeadConfig, inputs: int) -> None:
        super().__init__()
        if inputs % config.heads:
            raise UserError(
                f"multi-head pooling cannot cut the encoder's {inputs} numbers per frame into "
                f"{config.heads} heads: choose a divisor of {inputs}"
            )
        self.outputs = inputs
        self.queries = nn.Parameter(torch.empty(config.heads, inputs // config.heads))
        nn.init.xavier_uniform_(self.queries)

    def forward(self, batch: Padded) -> Tensor:
        x = real_frames(batch)
        heads, width = self.queries.shape
        slices = x.reshape(*x.shape[:2], heads, width)
        scores = (slices * self.queries).sum(-1) / math.sqrt(width)
        weights = attention_weights(scores, batch.mask)
        return weighted_mean(x, weights.repeat_interleave(width, dim=-1))
