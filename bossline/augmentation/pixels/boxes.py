"""Random rectangles in a square image: what a crop keeps and what an erasure hides."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def random_sides(share: Tensor, aspect: float) -> tuple[Tensor, Tensor]:
    """Widths and heights (B,), in sides of the image, of boxes with `share` (B,) of its area.

    Width to height is between 1 / aspect and aspect, even on a logarithmic scale, and such that the
    box fits in the image: nothing is drawn twice.
    """
    reach = share.log().neg().clamp(max=math.log(aspect))
    ratio = (uniform(share, -1, 1) * reach / 2).exp()
    return share.sqrt() * ratio, share.sqrt() / ratio


def inside(left: Tensor, top: Tensor, width: Tensor, height: Tensor, side: int) -> Tensor:
    """(B, 1, side, side) bool: the pixels of boxes, given in whole pixels, each (B,)."""
    steps = torch.arange(side, device=left.device)

    def covered(start: Tensor, length: Tensor) -> Tensor:
        start, length = start.unsqueeze(1), length.unsqueeze(1)
        return (steps >= start) & (steps < start + length)

    return (covered(top, height).unsqueeze(2) & covered(left, width).unsqueeze(1)).unsqueeze(1)


def uniform(like: Tensor, low: float, high: float) -> Tensor:
    """Even draws from low..high in the shape of `like`, on its device."""
    return torch.rand(like.shape, device=like.device) * (high - low) + low
