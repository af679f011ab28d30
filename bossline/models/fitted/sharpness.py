"""How sure a classifier may be."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn.functional import cross_entropy

_LOWEST, _HIGHEST = 1e-3, 1.0
_HALVINGS = 40


def likeliest_scale(logits: Tensor, labels: Tensor) -> float:
    """The scale in 0.001..1 under which the softmax of scaled logits gives labels the most.

    Nothing is made surer than it says: few data without a mistake would know no bound. The loss is
    convex in the scale, so thirds of the range that cannot hold the least fall away.

    Args:
        logits: (N, C), of data that the classifier has not seen; -inf rules a class out.
        labels: (N,) int64, none of them ruled out.
    """

    def loss(scale: float) -> float:
        return float(cross_entropy(scale * logits.double(), labels))

    low, high = math.log(_LOWEST), math.log(_HIGHEST)
    for _ in range(_HALVINGS):
        third = (high - low) / 3
        if loss(math.exp(low + third)) < loss(math.exp(high - third)):
            high -= third
        else:
            low += third
    return math.exp((low + high) / 2)
