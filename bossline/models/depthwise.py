"""Depthwise convolution, kept from kernels that do not return, or are planned anew each time."""

from __future__ import annotations

from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

# The switch is one for the process: of two threads that both put it back, one would leave it off.
_SWITCH = Lock()


class DepthwiseConv2d(nn.Conv2d):
    """nn.Conv2d of a filter a channel; in float32 on a CPU.

    Of 15 taps or more in a row, channels last, native bfloat16 kernels of oneDNN 3.12 never return,
    deaf to every signal but SIGKILL: of 2 to 16 channels always, of 144 with two threads and some
    lengths. On a GPU torch's own kernels are
    taken: cuDNN's are planned anew for each shape, the backward pass for up to 80 ms.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type == "cuda" and not torch.compiler.is_compiling():
            return self._without_cudnn(x)
        if x.device.type != "cpu":
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.to(self.weight.dtype))

    def _without_cudnn(self, x: Tensor) -> Tensor:
        if torch.is_autocast_enabled(x.device.type):
            x = x.to(torch.get_autocast_dtype(x.device.type))
        padding = self.padding
        if isinstance(padding, str):  # "same", of an odd kernel
            padding = tuple(
                d * (k - 1) // 2 for d, k in zip(self.dilation, self.kernel_size, strict=True)
            )
        settings = (self.stride, padding, self.dilation, self.groups)
        convolved: Tensor = _WithoutCudnn.apply(x, self.weight.to(x.dtype), *settings)  # type: ignore[no-untyped-call]
        if self.bias is not None:
            convolved = convolved + self.bias.to(x.dtype)[:, None, None]
        return convolved


class _WithoutCudnn(Function):
    """functional.conv2d, with cuDNN switched off for its backward pass too."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, *settings: Any) -> Tensor:
        context.save_for_backward(x, weight)
        context.settings = settings
        stride, padding, dilation, groups = settings
        with _SWITCH, torch.backends.cudnn.flags(enabled=False):
            return functional.conv2d(x, weight, None, stride, padding, dilation, groups)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = context.saved_tensors
        stride, padding, dilation, groups = context.settings
        with _SWITCH, torch.backends.cudnn.flags(enabled=False):
            of_x, of_weight, _ = torch.ops.aten.convolution_backward(
                gradient, x, weight, None, stride, padding, dilation, False, (0, 0), groups,
                (*context.needs_input_grad[:2], False),
            )  # fmt: skip
        return of_x, of_weight, None, None, None, None
