"""From an embedding to speakers: heads are output layer and objective in one."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from bossline.core.config import Config
from bossline.models.layers import OutputLayer, wide

Number = float | Tensor
"""A tensor () where a graph is to hold for any."""

# What every head is.


class Head(nn.Module, ABC):
    """(B, D) embeddings -> (B, C) scores: logits of the classes, without any margin."""

    @abstractmethod
    def forward(self, embeddings: Tensor) -> Tensor: ...

    @abstractmethod
    def loss(
        self, embeddings: Tensor, labels: Tensor, margin_scale: Number
    ) -> tuple[Tensor, Tensor]:
        """The mean loss, and the scores (B, C) as `forward` gives them.

        Args:
            embeddings: (B, D).
            labels: (B,) int64.
            margin_scale: in 0..1, what the margin is multiplied with; a head without a margin
                ignores it.
        """


# Heads without a margin: cross entropy of one linear layer, or of two.


class SoftmaxConfig(Config):
    """What every head without a margin is told."""

    kind: str
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="weight of the uniform target (Szegedy 2016, arXiv 1512.00567)"
    )

    def margin_scale(self, done: Number) -> Number:
        """There is no margin."""
        return 1.0


class LinearHeadConfig(SoftmaxConfig):
    """One linear layer."""

    kind: Literal["linear"] = "linear"

    def build(self, inputs: int, classes: int) -> SoftmaxHead:
        """
        Args:
            inputs: numbers per embedding.
            classes: C.
        """
        return SoftmaxHead(OutputLayer(inputs, classes), self.label_smoothing)


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
            nn.Linear(inputs, self.width), nn.ReLU(), OutputLayer(self.width, classes)
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
        self, embeddings: Tensor, labels: Tensor, margin_scale: Number
    ) -> tuple[Tensor, Tensor]:
        scores = self(embeddings)
        loss = functional.cross_entropy(wide(scores), labels, label_smoothing=self.label_smoothing)
        return loss, scores


# What heads on the angle between embedding and class weights share.


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

    def margin_scale(self, done: Number) -> Number:
        """How much of the margin counts after this share of the training."""
        if not self.warmup:
            return 1.0
        share = done / self.warmup
        return share.clamp(max=1) if isinstance(share, Tensor) else min(share, 1.0)


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
    def target(self, cosines: Tensor, margin: Number) -> Tensor:
        """(B, 1) cosines of the true classes -> what stands for them in the loss."""

    def forward(self, embeddings: Tensor) -> Tensor:
        return self.scale * self._cosines(embeddings)

    def loss(
        self, embeddings: Tensor, labels: Tensor, margin_scale: Number
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


# Additive margin softmax (Wang et al. 2018, arXiv 1801.05599).


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

    def target(self, cosines: Tensor, margin: Number) -> Tensor:
        return cosines - margin


# Additive angular margin softmax, ArcFace (Deng et al. 2019, arXiv 1801.07698).


_SMALLEST_SQUARED_SINE = 1e-7  # about the rounding error of a float32 cosine near 1


class AamSoftmaxConfig(MarginConfig):
    """Cross entropy of scale x cosine, a margin added to the true class's angle."""

    kind: Literal["aam-softmax"] = "aam-softmax"
    margin: float = Field(
        0.2, ge=0, lt=math.pi / 2, description="added to the angle, radians, under pi / 2"
    )

    def build(self, inputs: int, classes: int) -> AamSoftmaxHead:
        """
        Args:
            inputs: numbers per embedding.
            classes: C.
        """
        return AamSoftmaxHead(self, inputs, classes)


class AamSoftmaxHead(MarginHead):
    """The true class counts as cos(angle + margin).

    Beyond pi - margin that would rise again; there it is cos(angle) - margin x sin(margin), which
    keeps falling (ArcFace without its easy margin). No arc cosine is taken: its gradient is
    infinite at 0 and pi, and so is that of the sine, which is therefore clamped.
    """

    def target(self, cosines: Tensor, margin: Number) -> Tensor:
        squared_sines = (1 - cosines) * (1 + cosines)
        sines = squared_sines.clamp(min=_SMALLEST_SQUARED_SINE).sqrt()
        of = torch if isinstance(margin, Tensor) else math
        cosine, sine = of.cos(margin), of.sin(margin)
        turned = cosines * cosine - sines * sine
        falling = cosines - margin * sine
        return torch.where(cosines > -cosine, turned, falling)


# From embeddings to a loss over classes, each head with the class weights that it owns.
#
# A config builds its head; the union of configs is what a recipe takes.


HeadConfig = Annotated[
    LinearHeadConfig | MlpHeadConfig | AmSoftmaxConfig | AamSoftmaxConfig,
    Field(discriminator="kind"),
]

__all__ = ["Head", "HeadConfig"]
