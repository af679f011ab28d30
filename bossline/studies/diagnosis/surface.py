"""Slices of the loss surface along filter-normalised directions (Li et al., arXiv 1712.09913)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bossline.studies.diagnosis.objective import Objective

Losses = npt.NDArray[np.float64]
Direction = Sequence[Tensor]
"""A tensor for each parameter, of its shape."""

LINE_POINTS, PLANE_POINTS = 25, 13  # odd: the trained weights are a point of the grid
REACH = 1.0  # both ways; 1 moves every filter by its own norm


def filter_normalised(model: nn.Module, generator: torch.Generator) -> list[Tensor]:
    """A random direction whose every filter is as long as the model's.

    A filter is what makes one number: a row of a linear layer, a channel of a convolution. Biases
    and the scales and shifts of norms are left where they are.
    """
    return [_direction(parameter.detach(), generator) for parameter in model.parameters()]


def _direction(weights: Tensor, generator: torch.Generator) -> Tensor:
    if weights.dim() < 2:
        return torch.zeros_like(weights)
    drawn = torch.randn(weights.shape, generator=generator).to(weights)
    inner = tuple(range(1, weights.dim()))
    own, theirs = (torch.linalg.vector_norm(x, dim=inner, keepdim=True) for x in (weights, drawn))
    scaled: Tensor = drawn * (own / theirs)
    return scaled


def steps(points: int) -> Losses:
    """(points,) where along a direction the loss is taken, closer together in the middle."""
    even = np.linspace(-1, 1, points)
    return np.asarray(REACH * even * np.abs(even) ** 0.5)


def line(objective: Objective, direction: Direction) -> Losses:
    """(LINE_POINTS,) loss along a direction, the trained weights in the middle."""
    return np.array([_loss_at(objective, [direction], [a]) for a in steps(LINE_POINTS)])


def plane(objective: Objective, right: Direction, up: Direction) -> Losses:
    """(PLANE_POINTS, PLANE_POINTS) loss; rows go up, columns go right."""
    places = steps(PLANE_POINTS)
    return np.array([[_loss_at(objective, [right, up], [x, y]) for x in places] for y in places])


def _loss_at(
    objective: Objective, directions: Sequence[Direction], distances: Sequence[float]
) -> float:
    with moved(objective.parameters, directions, distances):
        return objective.loss()


@contextmanager
def moved(
    parameters: Sequence[nn.Parameter],
    directions: Sequence[Direction],
    distances: Sequence[float],
) -> Iterator[None]:
    """Weights moved for a while; afterwards they are bit for bit what they were."""
    before = [parameter.detach().clone() for parameter in parameters]
    try:
        with torch.no_grad():
            for direction, distance in zip(directions, distances, strict=True):
                for parameter, part in zip(parameters, direction, strict=True):
                    parameter.add_(part, alpha=float(distance))
        yield
    finally:
        with torch.no_grad():
            for parameter, old in zip(parameters, before, strict=True):
                parameter.copy_(old)
