"""Means and variances of classes, dimension by dimension."""

from __future__ import annotations

import torch
from torch import Tensor

from bossline.models.fitted.sums import ClassSums


class DiagonalMoments(ClassSums):
    """Memory for C x D."""

    def _begin_second(self) -> None:
        self._squares = torch.zeros_like(self._sums)

    def _add_second(self, centred: Tensor, labels: Tensor) -> None:
        self._squares.index_add_(0, labels, centred.square())

    @property
    def means(self) -> Tensor:
        """(C, D); of a class without vectors, any number."""
        return self._centred_means + self._origin

    @property
    def variances(self) -> Tensor:
        """(C, D) about the class means, divided by the class's count; 0 without vectors."""
        counts = self.counts.clamp_min(1).unsqueeze(1)
        return (self._squares / counts - self._centred_means.square()).clamp_min(0)

    @property
    def overall_variance(self) -> Tensor:
        """(D,) about the mean of all, divided by N."""
        squares = self._squares.sum(0) / self.counts.sum()
        return (squares - self._centred_mean.square()).clamp_min(0)
