"""Linear discriminant analysis of frames and utterances, and how sure it may be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from bossline.core.errors import UserError
from bossline.models.base import ModelConfig
from bossline.models.fitted.base import Fitted
from bossline.models.fitted.sums import ClassMoments

# Gaussian classes of one shared covariance (Fisher 1936; Rao 1948), as two linear maps.


_NEVER = -1e30  # log prior of a class without training vectors
_ROUNDING = 1e-7  # a share of variance below it is float32 rounding, not data


class Discriminant(nn.Module):
    """(N, D) -> (N, C) logits: log prior + log density, up to what all classes share.

    That of a class without training vectors is -1e30: it never wins, and sums stay finite.

    The first map takes out what does not tell classes apart and makes the covariance within a class
    the identity, so that nearest there means likeliest; the second holds the class means.
    """

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.project = nn.Linear(inputs, max(1, min(inputs, classes - 1)))
        self.classify = nn.Linear(self.project.out_features, classes)

    def embed(self, x: Tensor) -> Tensor:
        """(N, D) -> (N, min(D, C - 1)), float32 whatever autocast says."""
        with torch.autocast(x.device.type, enabled=False):
            embedding: Tensor = self.project(x.float())
            return embedding

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            logits: Tensor = self.classify(self.embed(x))
            return logits

    @torch.no_grad()
    def sharpen(self, scale: float) -> None:
        """Multiply the logits; which one is greatest stays."""
        self.classify.weight.mul_(scale)
        self.classify.bias.mul_(scale)

    @torch.no_grad()
    def solve(self, moments: ClassMoments, shrinkage: float) -> None:
        """Set the weights from the moments of the training data.

        Args:
            moments: of (N, D) vectors.
            shrinkage: share of the way from the covariance to its diagonal (Schäfer and Strimmer
                2005): fewer vectors than numbers in them say little about how these go together.

        Raises:
            UserError: the vectors do not vary within a class.
        """
        priors, means, within = moments.priors, moments.means, moments.within
        middle = priors @ means
        variances = within.diagonal()
        varies = variances > _ROUNDING * (priors @ (means - middle).square())
        if not varies.any():
            raise UserError(
                "no two training vectors of one class differ, so nothing tells how far a class "
                "spreads: give each class more data"
            )
        scale = torch.where(varies, variances.rsqrt(), 0)
        correlations = within * scale.outer(scale)
        correlations.mul_(1 - shrinkage).diagonal().add_(torch.where(varies, shrinkage, 1.0))
        whitening = scale.unsqueeze(1) * _whitening(correlations, shrinkage)
        whitened = (means - middle) @ whitening
        # Class means lie in a space of C - 1 dimensions; all others cancel between classes.
        axes = torch.linalg.svd(priors.sqrt().unsqueeze(1) * whitened, full_matrices=False)[2]
        axes = axes[: self.project.out_features]
        projection = self.project.weight.new_zeros(self.project.weight.shape, dtype=torch.float64)
        projection[: len(axes)] = axes @ whitening.mT
        centres = (means - middle) @ projection.mT
        self.project.weight.copy_(projection)
        self.project.bias.copy_(-(projection @ middle))
        self.classify.weight.copy_(centres)
        self.classify.bias.copy_(priors.log().clamp_min(_NEVER) - centres.square().sum(1) / 2)


def _whitening(correlations: Tensor, least: float) -> Tensor:
    """(D, D) -> (D, kept): makes a covariance of vectors the identity, where it is not 0.

    Args:
        least: no eigenvalue is below it.
    """
    if least > _ROUNDING * len(correlations):  # the greatest is D at most, so none counts as 0
        lower = torch.linalg.cholesky(correlations)
        identity = torch.eye(len(lower), dtype=lower.dtype, device=lower.device)
        inverse: Tensor = torch.linalg.solve_triangular(lower.mT, identity, upper=True)
        return inverse
    values, vectors = torch.linalg.eigh(correlations)
    kept = values > _ROUNDING * values[-1]
    whitening: Tensor = vectors[:, kept] / values[kept].sqrt()
    return whitening


# How sure a classifier may be.


_LOWEST, _HIGHEST = 1e-3, 1.0
_HALVINGS = 40


def likeliest_scale(logits: Tensor, labels: Tensor) -> float:
    """The scale in 0.001..1 under which the softmax of scaled logits gives labels the most.

    Nothing is made surer than it says: few data without a mistake would know no bound. The loss is
    convex in the scale, so thirds of the range that cannot hold the least fall away.

    Args:
        logits: (N, C), of data that the classifier has not seen; -inf rules a class out.
        labels: (N,) int64, none of them ruled out.
    """

    def loss(scale: float) -> float:
        return float(cross_entropy(scale * logits.double(), labels))

    low, high = math.log(_LOWEST), math.log(_HIGHEST)
    for _ in range(_HALVINGS):
        third = (high - low) / 3
        if loss(math.exp(low + third)) < loss(math.exp(high - third)):
            high -= third
        else:
            low += third
    return math.exp((low + high) / 2)


# Linear discriminant analysis of frames in their context.


class LdaConfig(ModelConfig):
    """Gaussian classes of one shared covariance; fitted in one pass."""

    takes: ClassVar[str] = "windows"
    fitted: ClassVar[bool] = True

    kind: Literal["lda"] = "lda"
    shrinkage: float = Field(
        0.0, ge=0, le=1, description="how far the covariance moves to its diagonal"
    )

    def build(self, inputs: int, outputs: int) -> Lda:
        """
        Args:
            inputs: numbers per window, frames times dimensions.
            outputs: classes.
        """
        return Lda(self, inputs, outputs)


class Lda(Fitted):
    """(B, inputs) -> (B, outputs) logits."""

    def __init__(self, config: LdaConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        self._shrinkage, self._classes = config.shrinkage, outputs
        self.discriminant = Discriminant(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.discriminant(x)
        return logits

    def fit(self, data: Iterable[tuple[Tensor, Tensor]]) -> str:
        moments = ClassMoments(self._classes).add_all(data)
        self.discriminant.solve(moments, self._shrinkage)
        return "one pass"
