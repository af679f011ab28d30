"""Where the numbers of a column lie and how far they spread."""

from __future__ import annotations

import torch
from torch import Tensor


def mean_and_scale(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of columns, the latter divided by N under the root.

    A constant column has its own value for a mean, to the last bit, and scale 1: standardised it is
    0, not rounding blown up.

    Args:
        x: (N, D) or (N,).

    Returns:
        (D,) each, or scalars.
    """
    mean, deviation = x.mean(0), x.std(0, correction=0)
    varying = varies(x)
    return torch.where(varying, mean, x[0]), torch.where(varying & (deviation > 0), deviation, 1)


def varies(x: Tensor) -> Tensor:
    """(N, D) -> (D,) whether a column has more than one value."""
    return (x != x[0]).any(0)
