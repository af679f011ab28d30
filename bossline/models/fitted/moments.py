"""Means of classes, and the scatter that they share."""

from __future__ import annotations

import torch
from torch import Tensor

from bossline.models.fitted.sums import ClassSums


class ClassMoments(ClassSums):
    """Memory for D x D, not for the vectors."""

    def _begin_second(self) -> None:
        dims = self._sums.shape[1]
        self._products = self._sums.new_zeros(dims, dims)

    def _add_second(self, centred: Tensor, labels: Tensor) -> None:
        self._products += _products(centred)

    @property
    def means(self) -> Tensor:
        """(C, D); that of a class without vectors is the mean of all."""
        known = self.counts.unsqueeze(1) > 0
        return torch.where(known, self._centred_means, self._centred_mean) + self._origin

    @property
    def within(self) -> Tensor:
        """(D, D) covariance about the class means, divided by N: the maximum-likelihood one."""
        return (self._products - self._centred_means.mT @ self._sums) / self.counts.sum()

    @property
    def overall(self) -> tuple[Tensor, Tensor]:
        """(D,) mean of all, and (D, D) covariance about it, divided by N."""
        mean = self._centred_mean
        return mean + self._origin, self._products / self.counts.sum() - mean.outer(mean)


def _products(x: Tensor) -> Tensor:
    """(N, D) -> (D, D): x' x."""
    if x.device.type != "cpu":
        return x.mT @ x
    rows = x.numpy()
    return torch.from_numpy(rows.T @ rows)  # numpy sees the symmetry and computes half
