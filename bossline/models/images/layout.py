"""How images enter and leave the networks: channels last in memory.

Shapes stay (B, C, H, W), but the channels of a pixel lie side by side: convolutions and pooling
have faster kernels for that, on a CPU and on a GPU.
"""

from __future__ import annotations

import torch
from torch import Tensor

_CENTRE, _SPREAD = 0.5, 0.25


def centred(images: Tensor) -> Tensor:
    """(B, C, H, W) in 0..1 -> the same shape, channels last, about zero mean and unit variance."""
    return ((images - _CENTRE) / _SPREAD).contiguous(memory_format=torch.channels_last)


def mean_pixel(x: Tensor) -> Tensor:
    """(B, C, H, W) channels last -> (B, C): the mean over all pixels, in float32.

    Written over (B, H x W, C), whose gradient torch makes several times faster than that of a mean
    over two dimensions or of adaptive pooling.
    """
    return x.permute(0, 2, 3, 1).flatten(1, 2).mean(1, dtype=torch.float32)
