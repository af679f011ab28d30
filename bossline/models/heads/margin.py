"""What heads on the angle between embedding and class weights share."""

from __future__ import annotations

from abc import abstractmethod

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from bossline.config import Config
from bossline.models.heads.base import Head

_SHORTEST = 1e-6  # length under which a vector is no longer scaled to 1: its gradient stays bounded


class MarginConfig(Config):
    """What every head with a margin is told."""

    kind: str
    margin: float
    scale: float = Field(30.0, gt=0, description="what cosines are multiplied with")
    warmup: float = Field(
        0.2, ge=0, le=1, description="share of the training over which the margin rises from 0"
    )
    subcentres: int = Field(
        1, ge=1, description="weight vectors per class, of which the nearest counts"
    )

    def margin_scale(self, done: float) -> float:
        """How much of the margin counts after this share of the training."""
        return min(done / self.warmup, 1.0) if self.warmup else 1.0


class MarginHead(Head):
    """(B, D) -> (B, C): scale x cosine of the angle between embedding and class weights.

    With sub-centres a class has several weight vectors, and the greatest cosine counts (Deng et al.
    2020, "Sub-center ArcFace"): mislabelled samples then have one of their own to gather at.

    All is in float32, like the weights, whatever autocast says: the scale multiplies every error.
    """

    def __init__(self, config: MarginConfig, inputs: int, classes: int) -> None:
        super().__init__()
        self.scale, self.margin = config.scale, config.margin
        self.weight = nn.Parameter(torch.empty(classes, config.subcentres, inputs))
        # of length about 1: a gradient turns a normalised vector the further, the shorter it is
        nn.init.normal_(self.weight, std=inputs**-0.5)

    @abstractmethod
    def target(self, cosines: Tensor, margin: float) -> Tensor:
        """(B, 1) cosines of the true classes -> what stands for them in the loss."""

    def forward(self, embeddings: Tensor) -> Tensor:
        return self.scale * self._cosines(embeddings)

    def loss(
        self, embeddings: Tensor, labels: Tensor, margin_scale: float
    ) -> tuple[Tensor, Tensor]:
        cosines = self._cosines(embeddings)
        column = labels.unsqueeze(1)
        target = self.target(cosines.gather(1, column), margin_scale * self.margin)
        logits = self.scale * cosines.scatter(1, column, target)
        return functional.cross_entropy(logits, labels), self.scale * cosines

    def _cosines(self, embeddings: Tensor) -> Tensor:
        """(B, C)."""
        with torch.autocast(embeddings.device.type, enabled=False):
            directions = functional.normalize(embeddings.to(self.weight.dtype), eps=_SHORTEST)
            centres = functional.normalize(self.weight, dim=-1, eps=_SHORTEST)
            cosines = functional.linear(directions, centres.flatten(0, 1))
            return cosines.view(-1, *self.weight.shape[:2]).amax(-1)
