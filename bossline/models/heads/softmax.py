"""Heads without a margin: cross entropy of one linear layer, or of two."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from bossline.config import Config
from bossline.models.heads.base import Head


class SoftmaxConfig(Config):
    """What every head without a margin is told."""

    kind: str
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="weight of the uniform target (Szegedy 2016, arXiv 1512.00567)"
    )

    def margin_scale(self, done: float) -> float:
        """There is no margin."""
        return 1.0


class LinearHeadConfig(SoftmaxConfig):
    kind: Literal["linear"] = "linear"

    def build(self, inputs: int, classes: int) -> SoftmaxHead:
        """
        Args:
            inputs: numbers per embedding.
            classes: C.
        """
        return SoftmaxHead(nn.Linear(inputs, classes), self.label_smoothing)


class MlpHeadConfig(SoftmaxConfig):
    """linear, ReLU, linear."""

    kind: Literal["mlp"] = "mlp"
    width: int = Field(256, ge=1, description="units of the hidden layer")

    def build(self, inputs: int, classes: int) -> SoftmaxHead:
        """
        Args:
            inputs: numbers per embedding.
            classes: C.
        """
        layers = nn.Sequential(
            nn.Linear(inputs, self.width), nn.ReLU(), nn.Linear(self.width, classes)
        )
        return SoftmaxHead(layers, self.label_smoothing)


class SoftmaxHead(Head):
    """(B, D) -> (B, C): some layers, and cross entropy in float32 whatever the scores."""

    def __init__(self, layers: nn.Module, label_smoothing: float) -> None:
        super().__init__()
        self.layers = layers
        self.label_smoothing = label_smoothing

    def forward(self, embeddings: Tensor) -> Tensor:
        scores: Tensor = self.layers(embeddings)
        return scores

    def loss(
        self, embeddings: Tensor, labels: Tensor, margin_scale: float
    ) -> tuple[Tensor, Tensor]:
        scores = self(embeddings)
        loss = functional.cross_entropy(
            scores.float(), labels, label_smoothing=self.label_smoothing
        )
        return loss, scores
