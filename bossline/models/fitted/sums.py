"""Counts and sums of classes, batch by batch: what all moments begin with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Self

import torch
from torch import Tensor


class ClassSums(ABC):
    """Sums in float64 over vectors that come in batches, about the first batch's mean.

    Second moments are a difference of two sums; far from the origin both would be large, and their
    difference all rounding.
    """

    def __init__(self, classes: int) -> None:
        """
        Args:
            classes: C.
        """
        self._classes = classes
        self._began = False

    def add_all(self, data: Iterable[tuple[Tensor, Tensor]]) -> Self:
        """Itself, after all batches of vectors (N, D) and classes (N,) int64."""
        for x, labels in data:
            self.add(x, labels)
        return self

    def add(self, x: Tensor, labels: Tensor) -> None:
        """
        Args:
            x: (N, D).
            labels: (N,) int64 classes.
        """
        if not len(x):
            return
        if not self._began:
            self._origin = x.double().mean(0)
            self.counts = x.new_zeros(self._classes, dtype=torch.float64)
            self._sums = x.new_zeros(self._classes, x.shape[1], dtype=torch.float64)
            self._begin_second()
            self._began = True
        centred = x.double() - self._origin
        self.counts.index_add_(0, labels, torch.ones_like(labels, dtype=torch.float64))
        self._sums.index_add_(0, labels, centred)
        self._add_second(centred, labels)

    @property
    def priors(self) -> Tensor:
        """(C,) shares of the classes."""
        return self.counts / self.counts.sum()

    @property
    def _centred_means(self) -> Tensor:
        """(C, D) about the origin; 0 without vectors."""
        return self._sums / self.counts.clamp_min(1).unsqueeze(1)

    @property
    def _centred_mean(self) -> Tensor:
        """(D,) of all vectors, about the origin."""
        return self._sums.sum(0) / self.counts.sum()

    @abstractmethod
    def _begin_second(self) -> None:
        """Set the sums of second order to 0."""

    @abstractmethod
    def _add_second(self, centred: Tensor, labels: Tensor) -> None:
        """Add a batch (N, D), taken about the origin, to them."""
