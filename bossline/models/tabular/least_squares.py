"""Linear least squares in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

_ROUNDING = 1e-6  # of the largest singular value; below it is float32 rounding, not data


def least_squares(x: Tensor, y: Tensor, l2: float) -> Tensor:
    """The w that minimises |x w - y|^2 + l2 |w|^2; with l2 = 0 the smallest of them.

    By the singular value decomposition, without the directions in which the rows do not differ but
    for rounding.

    Args:
        x: (N, k) float64, centred.
        y: (N,) float64, centred.

    Returns:
        (k,) float64.
    """
    u, values, v = torch.linalg.svd(x, full_matrices=False)
    kept = values > _ROUNDING * values[0]
    shares = torch.where(kept, values / (values.square() + l2), 0)
    weights: Tensor = v.mT @ (shares * (u.mT @ y))
    return weights
