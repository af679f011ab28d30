"""Counts, means and scatter of classes, summed batch by batch."""

from __future__ import annotations

import torch
from torch import Tensor


class ClassMoments:
    """Sums in float64 over vectors that come in batches; memory for D x D, not for the vectors.

    All is taken about the first batch's mean: the scatter is a difference of two sums, and far from
    the origin they would be large and their difference all rounding.
    """

    def __init__(self, classes: int) -> None:
        """
        Args:
            classes: C.
        """
        self._classes = classes
        self._began = False

    def add(self, x: Tensor, labels: Tensor) -> None:
        """
        Args:
            x: (N, D).
            labels: (N,) int64 classes.
        """
        if not self._began:
            self._origin = x.double().mean(0)
            self.counts = x.new_zeros(self._classes, dtype=torch.float64)
            self._sums = x.new_zeros(self._classes, x.shape[1], dtype=torch.float64)
            self._products = x.new_zeros(x.shape[1], x.shape[1], dtype=torch.float64)
            self._began = True
        centred = x.double() - self._origin
        self.counts.index_add_(0, labels, torch.ones_like(labels, dtype=torch.float64))
        self._sums.index_add_(0, labels, centred)
        self._products += _products(centred)

    @property
    def priors(self) -> Tensor:
        """(C,) shares of the classes."""
        return self.counts / self.counts.sum()

    @property
    def means(self) -> Tensor:
        """(C, D); that of a class without vectors is the mean of all."""
        overall = self._sums.sum(0) / self.counts.sum()
        known = self.counts.unsqueeze(1) > 0
        own = torch.where(known, self._sums / self.counts.clamp_min(1).unsqueeze(1), overall)
        return own + self._origin

    @property
    def within(self) -> Tensor:
        """(D, D) covariance about the class means, divided by N: the maximum-likelihood one."""
        own = self._sums / self.counts.clamp_min(1).unsqueeze(1)
        return (self._products - own.mT @ self._sums) / self.counts.sum()

    @property
    def overall(self) -> tuple[Tensor, Tensor]:
        """(D,) mean of all, and (D, D) covariance about it, divided by N."""
        total = self.counts.sum()
        mean = self._sums.sum(0) / total
        return mean + self._origin, self._products / total - mean.outer(mean)


def _products(x: Tensor) -> Tensor:
    """(N, D) -> (D, D): x' x."""
    if x.device.type != "cpu":
        return x.mT @ x
    rows = x.numpy()
    return torch.from_numpy(rows.T @ rows)  # numpy sees the symmetry and computes half
