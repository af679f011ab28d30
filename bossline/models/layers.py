"""Layers that more than one model is made of."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional


def wide(x: Tensor) -> Tensor:
    """In float32 at least: what autocast made half precision, sums and logarithms want in full."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


# A linear layer whose products a CPU does faster.


class Linear(nn.Linear):
    """nn.Linear of (B, T, D), on a CPU as a convolution of kernel 1.

    (B, T, D) is the channels-last layout as it stands, and torch gives convolutions to oneDNN:
    forward and backward take 0.87 of the time of the general matrix product.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or x.dim() != 3:
            return super().forward(x)
        channels_first = x.transpose(1, 2).unsqueeze(2)
        weight = self.weight[:, :, None, None]
        convolved = functional.conv2d(channels_first, weight, self.bias)
        return convolved.squeeze(2).transpose(1, 2)


# The layer whose results are the answer: what treats it in its own way knows it by its type.


class OutputLayer(nn.Linear):
    """nn.Linear to the logits of classes, or to the numbers that are predicted."""


# Dropout (Srivastava 2014) whose random numbers cost little on a CPU.


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
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            return functional.dropout(x, self.p, inplace=self.inplace)
        draws = torch.empty(-(-x.numel() // 8), dtype=torch.int64)
        draws.random_(torch.iinfo(torch.int64).min, None)  # all 64 bits, the sign too
        kept = draws.view(torch.uint8)[: x.numel()].view(x.shape)
        kept.ge_(self._dropped)  # into bytes: 20x faster than into bools
        mask = kept.to(x.dtype).mul_(_LEVELS / (_LEVELS - self._dropped))
        return x.mul_(mask) if self.inplace else x * mask

    def extra_repr(self) -> str:
        return f"p={self.p}"


# The position-wise feed-forward network of a Transformer.


class FeedForward(nn.Module):
    """(B, T, width) -> (B, T, width): norm, linear, activation, linear; without the residual."""

    def __init__(
        self,
        width: int,
        inner: int,
        activation: nn.SiLU | nn.GELU,
        dropout: float,
        *,
        norm: bool = True,
    ) -> None:
        """
        Args:
            width: numbers a frame.
            inner: numbers between the two linear layers.
            activation: between the two linear layers.
            dropout: after each of them.
            norm: whether a norm comes first, as in pre-norm layers.
        """
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width) if norm else nn.Identity(),
            Linear(width, inner),
            activation,
            Dropout(dropout, inplace=True),
            Linear(inner, width),
            Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        transformed: Tensor = self.layers(x)
        return transformed


# Stochastic depth (Huang et al. 2016, arXiv 1603.09382).


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


# What a model is whose loss has a penalty on its own weights.


@runtime_checkable
class Penalised(Protocol):
    """A penalty in the loss, not in the optimiser: then every optimiser has the same optimum."""

    def penalty(self, count: int) -> Tensor:
        """What is added to the mean loss.

        Args:
            count: what the training split counts.
        """
