"""Additive margin softmax (Wang et al. 2018, arXiv 1801.05599)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor

from bossline.models.heads.margin import MarginConfig, MarginHead


class AmSoftmaxConfig(MarginConfig):
    """Cross entropy of scale x cosine, the true class's cosine less a margin."""

    kind: Literal["am-softmax"] = "am-softmax"
    margin: float = Field(0.2, ge=0, lt=1, description="subtracted from the cosine")

    def build(self, inputs: int, classes: int) -> AmSoftmaxHead:
        """
        Args:
            inputs: numbers per embedding.
            classes: C.
        """
        return AmSoftmaxHead(self, inputs, classes)


class AmSoftmaxHead(MarginHead):
    """The true class counts as cos(angle) - margin."""

    def target(self, cosines: Tensor, margin: float) -> Tensor:
        return cosines - margin
