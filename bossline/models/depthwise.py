"""Depthwise convolution, kept from a kernel of oneDNN that never returns."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_ONE_REGISTER = 16  # channels that one instruction of a CPU takes in float32


class DepthwiseConv2d(nn.Conv2d):
    """nn.Conv2d of a filter a channel; in float32 where a CPU has few channels.

    Of 2 to 16 channels, channels last, and 15 taps or more in a row, native bfloat16 kernels of
    oneDNN 3.12 never return, deaf to every signal but SIGKILL.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or self.in_channels > _ONE_REGISTER:
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.to(self.weight.dtype))
