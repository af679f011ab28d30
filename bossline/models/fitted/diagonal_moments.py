"""Counts, means and variances of classes, dimension by dimension, summed batch by batch."""

from __future__ import annotations

import torch
from torch import Tensor


class DiagonalMoments:
    """Sums in float64 over vectors that come in batches, about the first batch's mean."""

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
            self._counts = x.new_zeros(self._classes, dtype=torch.float64)
            self._sums = x.new_zeros(self._classes, x.shape[1], dtype=torch.float64)
            self._squares = torch.zeros_like(self._sums)
            self._began = True
        centred = x.double() - self._origin
        self._counts.index_add_(0, labels, torch.ones_like(labels, dtype=torch.float64))
        self._sums.index_add_(0, labels, centred)
        self._squares.index_add_(0, labels, centred.square())

    @property
    def priors(self) -> Tensor:
        """(C,) shares of the classes."""
        return self._counts / self._counts.sum()

    @property
    def means(self) -> Tensor:
        """(C, D); of a class without vectors, any number."""
        return self._sums / self._counts.clamp_min(1).unsqueeze(1) + self._origin

    @property
    def variances(self) -> Tensor:
        """(C, D) about the class means, divided by the class's count; 0 without vectors."""
        counts = self._counts.clamp_min(1).unsqueeze(1)
        return (self._squares / counts - (self._sums / counts).square()).clamp_min(0)

    @property
    def overall_variance(self) -> Tensor:
        """(D,) about the mean of all, divided by N."""
        total = self._counts.sum()
        mean = self._sums.sum(0) / total
        return (self._squares.sum(0) / total - mean.square()).clamp_min(0)
