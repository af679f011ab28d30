"""Sums over all frames of a split, from which models are fitted: counts, means, covariances."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Self

import torch
from torch import Tensor

# Counts and sums of classes, batch by batch: what all moments begin with.


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


# Means of classes, and the scatter that they share.


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


# Covariances of classes, each its own.


class ClassScatters(ClassSums):
    """Memory for C x D x D."""

    def _begin_second(self) -> None:
        dims = self._sums.shape[1]
        self._products = self._sums.new_zeros(self._classes, dims, dims)

    def _add_second(self, centred: Tensor, labels: Tensor) -> None:
        for place in set(labels.tolist()):
            self._products[place] += _products(centred[labels == place])

    @property
    def means(self) -> Tensor:
        """(C, D); of a class without vectors, any number."""
        return self._centred_means + self._origin

    @property
    def covariances(self) -> Tensor:
        """(C, D, D) about the class means, divided by the class's count; 0 without vectors."""
        counts = self.counts.clamp_min(1).view(-1, 1, 1)
        means = self._centred_means
        return self._products / counts - means.unsqueeze(2) * means.unsqueeze(1)


def _products(x: Tensor) -> Tensor:
    """(N, D) -> (D, D): x' x."""
    if x.device.type != "cpu":
        return x.mT @ x
    rows = x.numpy()
    return torch.from_numpy(rows.T @ rows)  # numpy sees the symmetry and computes half


# Means and variances of classes, dimension by dimension.


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
