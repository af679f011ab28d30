"""What every head is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Head(nn.Module, ABC):
    """(B, D) embeddings -> (B, C) scores: logits of the classes, without any margin."""

    @abstractmethod
    def forward(self, embeddings: Tensor) -> Tensor: ...

    @abstractmethod
    def loss(
        self, embeddings: Tensor, labels: Tensor, margin_scale: float
    ) -> tuple[Tensor, Tensor]:
        """The mean loss, and the scores (B, C) as `forward` gives them.

        Args:
            embeddings: (B, D).
            labels: (B,) int64.
            margin_scale: in 0..1, what the margin is multiplied with; a head without a margin
                ignores it.
        """
