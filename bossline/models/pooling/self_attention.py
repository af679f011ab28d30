"""Self-attention pooling (Safari et al. 2020, arXiv 2008.01077)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.config import Config
from bossline.models.pooling.base import Pooling, attention_weights, real_frames, weighted_mean


class SelfAttentionConfig(Config):
    kind: Literal["self-attention"] = "self-attention"

    def build(self, inputs: int) -> SelfAttentionPooling:
        """
        Args:
            inputs: numbers per frame.
        """
        return SelfAttentionPooling(inputs)


class SelfAttentionPooling(Pooling):
    """Padded (B, T, inputs) -> (B, inputs): a mean whose weights one projection decides."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.outputs = inputs
        self.score = nn.Linear(inputs, 1, bias=False)  # the softmax would take a bias out again

    def forward(self, batch: Padded) -> Tensor:
        x = real_frames(batch)
        return weighted_mean(x, attention_weights(self.score(x), batch.mask))
