"""Powers and products of columns: a linear model of them is a polynomial of the columns."""

from __future__ import annotations

from math import comb

import torch
from torch import Tensor, nn

from bossline.core.errors import UserError
from bossline.models.tabular.columns import mean_and_scale

MOST_TERMS = 10_000  # of a model: least squares of more takes minutes and gigabytes
_ROUNDING = 1e-9  # a term that varies by less is constant, as the square of -1 and 1


class Polynomials(nn.Module):
    """(B, k) -> (B, M) float64: the terms of a polynomial, in standard units.

    Terms stand by their degree, those of degree 1 first; the constant is left out. Without
    interactions they are k powers a degree.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, degree: int, interactions: bool, columns: int) -> None:
        """
        Args:
            columns: k.

        Raises:
            UserError: more terms than a model is fitted to.
        """
        super().__init__()
        self._degree, self._interactions = degree, interactions
        self.outputs = comb(columns + degree, degree) - 1 if interactions else degree * columns
        if self.outputs > MOST_TERMS:
            raise UserError(
                f"model.degree={degree} makes {self.outputs:,} terms of {columns} columns, at most "
                f"{MOST_TERMS:,} are fitted: set model.interactions=false, or choose columns, as "
                "by 'model.columns={kind: correlation, count: 20}'"
            )
        self.register_buffer("mean", torch.zeros(self.outputs, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(self.outputs, dtype=torch.float64))

    def fit(self, z: Tensor) -> None:
        """Set the units of terms, from these rows (N, k) alone."""
        terms = self._terms(z)
        mean, scale = mean_and_scale(terms)
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(scale > _ROUNDING * (1 + mean.abs()), scale, 1))

    def forward(self, z: Tensor) -> Tensor:
        return (self._terms(z) - self.mean) / self.scale

    def _terms(self, z: Tensor) -> Tensor:
        each = range(1, self._degree + 1)
        if not self._interactions:
            return torch.cat([z**power for power in each], 1)
        places = torch.arange(z.shape[1], device=z.device)
        chosen = [torch.combinations(places, power, with_replacement=True) for power in each]
        return torch.cat([z[:, factors].prod(2) for factors in chosen], 1)
