"""Gaussian naive Bayes of frames in their context."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.core.errors import UserError
from bossline.models.base import ModelConfig
from bossline.models.fitted.base import Fitted
from bossline.models.fitted.sums import DiagonalMoments


class NaiveBayesConfig(ModelConfig):
    """Gaussian classes whose dimensions are independent; fitted in one pass."""

    takes: ClassVar[str] = "windows"
    fitted: ClassVar[bool] = True

    kind: Literal["naive-bayes"] = "naive-bayes"
    var_smoothing: float = Field(
        1e-9, ge=0, description="of the largest variance of all data, added to every variance"
    )

    def build(self, inputs: int, outputs: int) -> NaiveBayes:
        """
        Args:
            inputs: numbers per window, frames times dimensions.
            outputs: classes.
        """
        return NaiveBayes(self, inputs, outputs)


class NaiveBayes(Fitted):
    """(B, inputs) -> (B, outputs) log posteriors; -inf of a class without training vectors.

    In float64: densities of many dimensions are numbers in the thousands whose small differences
    count.
    """

    def __init__(self, config: NaiveBayesConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        self._var_smoothing = config.var_smoothing
        self.log_priors = nn.Parameter(torch.zeros(outputs, dtype=torch.float64))
        self.means = nn.Parameter(torch.zeros(outputs, inputs, dtype=torch.float64))
        self.variances = nn.Parameter(torch.ones(outputs, inputs, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            centre = self.means.mean(0)  # far from it, squares would be large and cancel
            z, means, precisions = x.double() - centre, self.means - centre, 1 / self.variances
            of_class = (means.square() * precisions + (2 * math.pi * self.variances).log()).sum(1)
            of_vector = z.square() @ precisions.mT - 2 * z @ (means * precisions).mT
            joint = self.log_priors - (of_class + of_vector) / 2
            return joint.log_softmax(1).float()

    @torch.no_grad()
    def fit(self, data: Iterable[tuple[Tensor, Tensor]]) -> str:
        moments = DiagonalMoments(len(self.log_priors)).add_all(data)
        variances = moments.variances + self._var_smoothing * moments.overall_variance.max()
        seen = moments.priors > 0
        if not (variances[seen] > 0).all():
            raise UserError(
                "some dimension does not vary within a class, so its variance is 0: set "
                "model.var_smoothing, as in model.var_smoothing=1e-9, and give vectors that differ"
            )
        self.log_priors.copy_(moments.priors.log())
        self.means.copy_(moments.means)
        self.variances.copy_(torch.where(seen.unsqueeze(1), variances, 1))
        return "one pass"
