"""Quadratic discriminant analysis of frames in their context."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.core.errors import UserError
from bossline.models.base import ModelConfig
from bossline.models.fitted.base import Fitted
from bossline.models.fitted.sums import ClassScatters

_ROUNDING = 1e-7  # a share of the greatest variance below it is float32 rounding, not data


class QdaConfig(ModelConfig):
    """Gaussian classes, each of a covariance of its own; fitted in one pass."""

    takes: ClassVar[str] = "windows"
    fitted: ClassVar[bool] = True

    kind: Literal["qda"] = "qda"
    pooled: float = Field(
        0.0,
        ge=0,
        le=1,
        description="how far each covariance moves to the one that all share (Friedman 1989); 1: "
        "that of LDA",
    )
    shrinkage: float = Field(
        0.0, ge=0, le=1, description="how far each covariance then moves to its diagonal"
    )

    def build(self, inputs: int, outputs: int) -> Qda:
        """
        Args:
            inputs: numbers per window, frames times dimensions.
            outputs: classes.
        """
        return Qda(self, inputs, outputs)


class Qda(Fitted):
    """(B, inputs) -> (B, outputs) log posteriors; -inf of a class without training vectors.

    In float64: densities of many dimensions are numbers in the thousands whose small differences
    count.
    """

    def __init__(self, config: QdaConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        self._pooled, self._shrinkage = config.pooled, config.shrinkage
        # What makes a class's covariance the identity; its log determinant is in the offsets.
        self.whitening = nn.Parameter(torch.zeros(outputs, inputs, inputs, dtype=torch.float64))
        self.means = nn.Parameter(torch.zeros(outputs, inputs, dtype=torch.float64))
        self.offsets = nn.Parameter(torch.zeros(outputs, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            wide = x.double()
            distances = [
                ((wide - mean) @ whitening).square().sum(1)
                for mean, whitening in zip(self.means, self.whitening, strict=True)
            ]
            joint = self.offsets - torch.stack(distances, 1) / 2
            return joint.log_softmax(1).float()

    @torch.no_grad()
    def fit(self, data: Iterable[tuple[Tensor, Tensor]]) -> str:
        scatters = ClassScatters(len(self.offsets)).add_all(data)
        priors, own = scatters.priors, scatters.covariances
        shared = torch.einsum("c,cij->ij", priors, own)
        self.means.copy_(scatters.means)
        self.offsets.copy_(priors.log())
        poor = 0
        for place in priors.nonzero().flatten().tolist():
            covariance = torch.lerp(own[place], shared, self._pooled)
            diagonal = covariance.diagonal().diag_embed()
            values, vectors = torch.linalg.eigh(torch.lerp(covariance, diagonal, self._shrinkage))
            if not values[0] > _ROUNDING * values[-1]:
                poor += 1
                continue
            self.whitening[place] = vectors / values.sqrt()
            self.offsets[place] -= values.log().sum() / 2
        if poor:
            raise UserError(
                f"the vectors of {poor} of {len(priors)} classes are too few, or too alike, for a "
                "covariance of their own: set model.pooled, as in model.pooled=0.5, or "
                "model.shrinkage, or take smaller windows"
            )
        return "one pass"
