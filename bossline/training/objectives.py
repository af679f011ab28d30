"""Cross entropy over classes, with optional label smoothing."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor
from torch.nn import functional

from bossline.core.config import Config
from bossline.models.layers import wide

IGNORED = -100  # a label that counts nothing, as torch has it: that of padding


class CrossEntropyConfig(Config):
    """Cross entropy of the classes."""

    kind: Literal["cross-entropy"] = "cross-entropy"
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="weight of the uniform target (Szegedy 2016, arXiv 1512.00567)"
    )

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of logits (..., C) against int64 labels (...), in float32 at least.

        The mean is over labels other than IGNORED.
        """
        return functional.cross_entropy(
            wide(logits).flatten(0, -2), labels.flatten(), label_smoothing=self.label_smoothing
        )

    def mixed(self, logits: Tensor, labels: Tensor, others: Tensor, share: Tensor) -> Tensor:
        """Mean loss where inputs are mixtures of two (arXiv 1710.09412).

        Args:
            logits: (B, C).
            labels: (B,) int64 of the one.
            others: (B,) int64 of the other.
            share: (B,) of the one.
        """
        own, other = (
            functional.cross_entropy(
                wide(logits), classes, reduction="none", label_smoothing=self.label_smoothing
            )
            for classes in (labels, others)
        )
        return (share * own + (1 - share) * other).mean()
