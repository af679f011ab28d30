"""Dropout (Srivastava 2014) whose random numbers cost little on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_LEVELS = 256


class Dropout(nn.Module):
    """Zeroes each number with probability p and scales the others, in training only.

    On a CPU torch spends more time on one random float a number than a small layer's matrix product
    takes. Here each is decided by one byte of a 64-bit draw, so p is rounded to a multiple of
    1/256, and the scale belongs to the rounded p: the expectation is exact.
    """

    def __init__(self, p: float, *, inplace: bool = False) -> None:
        """
        Args:
            p: in 0..1, 1 excluded.
            inplace: overwrite what comes in. Whatever made it must not need it for its gradient:
                ReLU does, SiLU and GELU do not.
        """
        super().__init__()
        self.p, self.inplace = p, inplace
        self._dropped = min(round(p * _LEVELS), _LEVELS - 1)

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, the same shape."""
        if not self.training or not self._dropped:
            return x
        if x.device.type != "cpu":
            return functional.dropout(x, self.p, inplace=self.inplace)
        draws = torch.empty(-(-x.numel() // 8), dtype=torch.int64)
        draws.random_(torch.iinfo(torch.int64).min, None)  # all 64 bits, the sign too
        kept = draws.view(torch.uint8)[: x.numel()].view(x.shape)
        kept.ge_(self._dropped)  # into bytes: 20x faster than into bools
        mask = kept.to(x.dtype).mul_(_LEVELS / (_LEVELS - self._dropped))
        return x.mul_(mask) if self.inplace else x * mask

    def extra_repr(self) -> str:
        return f"p={self.p}"
