"""Stochastic depth (Huang et al. 2016, arXiv 1603.09382)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class DropPath(nn.Module):
    """(B, ...) -> (B, ...): in training, drops a residual branch for whole utterances or images.

    What is kept is scaled by 1 / (1 - p), so that evaluation needs no correction.
    """

    def __init__(self, p: float) -> None:
        """
        Args:
            p: in 0..1, 1 excluded.
        """
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.p:
            return x
        each = (len(x), *(1 for _ in x.shape[1:]))
        kept = torch.rand(each, device=x.device) >= self.p
        return x * (kept.to(x.dtype) / (1 - self.p))

    def extra_repr(self) -> str:
        return f"p={self.p}"


def drop_path_rates(last: float, depth: int) -> list[float]:
    """The paper's linear rule: what every layer needs, the first ones compute, so they stay.

    >>> drop_path_rates(0.25, 5)
    [0.05, 0.1, 0.15, 0.2, 0.25]
    """
    return [last * layer / depth for layer in range(1, depth + 1)]
