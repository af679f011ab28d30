"""Batch normalisation (Ioffe and Szegedy, arXiv 1502.03167) of padded utterances."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bossline.models.encoders.base import zero_padding

_EPSILON = 1e-5
_MOMENTUM = 0.1


class MaskedBatchNorm(nn.Module):
    """(B, T, D) -> (B, T, D): nn.BatchNorm1d of the real frames joined end to end.

    The frames are not in fact joined: how many there are would have to come back from the device
    at every step.
    """

    running_mean: Tensor
    running_variance: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_variance", torch.ones(width))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """
        Args:
            x: (B, T, D).
            mask: (B, T) bool, True on real frames.
        """
        wide = x.to(self.weight.dtype)  # statistics in half precision would be too coarse
        if self.training:
            centred, variance = self._observe(wide, mask)
        else:
            centred, variance = wide - self.running_mean, self.running_variance
        scale = self.weight * torch.rsqrt(variance + _EPSILON)
        return torch.addcmul(self.bias, centred, scale).to(x.dtype)

    def _observe(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The frames less their mean, and their variance (D,); both also enter the running ones."""
        count = mask.sum()
        mean = zero_padding(x, mask).sum((0, 1)) / count
        centred = zero_padding(x - mean, mask)
        variance = centred.square().sum((0, 1)) / count
        with torch.no_grad():
            unbiased = variance * (count / (count - 1).clamp(min=1))
            self.running_mean.lerp_(mean, _MOMENTUM)
            self.running_variance.lerp_(unbiased, _MOMENTUM)
        return centred, variance
