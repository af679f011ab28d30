"""Batch normalisation over the batch of all ranks: torch's own is for GPUs alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.modules.batchnorm import _BatchNorm

from bossline.core.errors import UserError
from bossline.core.ranks import Ranks
from bossline.models.encoders.layers import EPSILON, MOMENTUM, MaskedBatchNorm


def share_statistics(model: nn.Module, ranks: Ranks) -> None:
    """Have a model's batch norms divide by the mean and variance of all ranks' rows together.

    Layers change their type and keep all else: their names, weights and running statistics.

    Raises:
        UserError: a batch norm of another kind, of which it is not known how.
    """
    if ranks.world == 1:
        return
    for name, layer in model.named_modules():
        if (shared := _SHARED.get(type(layer))) is not None:
            layer.__class__ = shared
            layer.ranks = ranks
        elif isinstance(layer, _BatchNorm | MaskedBatchNorm):
            raise UserError(
                f"{name}: batch statistics of a {type(layer).__name__} cannot be taken over "
                "several processes: train in one, or take nn.BatchNorm1d, 2d or MaskedBatchNorm"
            )


class _SharedBatchNorm(_BatchNorm):
    ranks: Ranks

    def forward(self, x: Tensor) -> Tensor:
        """(B, D) or (B, D, ...), the same shape."""
        if not self.training:
            return super().forward(x)
        y, mean, variance = _normalised(x, self.weight, self.bias, self.eps, self.ranks)
        if self.running_mean is not None and self.running_var is not None:
            assert self.num_batches_tracked is not None  # comes with them
            self.num_batches_tracked.add_(1)
            kept = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, kept)
            self.running_var.lerp_(variance, kept)
        return y


class _SharedBatchNorm1d(_SharedBatchNorm, nn.BatchNorm1d):
    pass


class _SharedBatchNorm2d(_SharedBatchNorm, nn.BatchNorm2d):
    pass


class _SharedMaskedBatchNorm(MaskedBatchNorm):
    ranks: Ranks

    def _batch_norm(self, frames: Tensor) -> Tensor:
        if not self.training:
            return super()._batch_norm(frames)
        y, mean, variance = _normalised(frames, self.weight, self.bias, EPSILON, self.ranks)
        self.running_mean.lerp_(mean, MOMENTUM)
        self.running_variance.lerp_(variance, MOMENTUM)
        return y


_SHARED: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm1d: _SharedBatchNorm1d,
    nn.BatchNorm2d: _SharedBatchNorm2d,
    MaskedBatchNorm: _SharedMaskedBatchNorm,
}


def _normalised(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, epsilon: float, ranks: Ranks
) -> tuple[Tensor, Tensor, Tensor]:
    """(N, D, ...) normalised, and mean and unbiased variance (D,) over all ranks."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    y, mean, variance = _Standardised.apply(x.to(dtype), epsilon, ranks)  # type: ignore[no-untyped-call]
    if weight is not None and bias is not None:
        y = torch.addcmul(_wide(bias, y), y, _wide(weight, y))
    return y.to(x.dtype), mean, variance


class _Standardised(Function):
    """(N, D, ...) with mean 0 and variance 1 over all ranks; one exchange each way."""

    @staticmethod
    def forward(
        context: Any, x: Tensor, epsilon: float, ranks: Ranks
    ) -> tuple[Tensor, Tensor, Tensor]:
        own = 0 if ranks.part.idle else x.numel() // x.shape[1]
        around = _axes(x)
        mean = x.mean(around)
        squares = (x - _wide(mean, x)).square().sum(around)
        row = torch.cat([mean, squares, mean.new_full((1,), own)])
        means, squares, counts = torch.split(ranks.gathered(row), [len(mean), len(mean), 1], dim=1)
        count = counts.sum()
        mean = (counts * means).sum(0) / count
        # Chan et al. 1979: sums of squares about means of parts, put together without cancellation.
        squares = ((counts > 0) * squares + counts * (means - mean).square()).sum(0)
        scale = (squares / count + epsilon).rsqrt()
        y = (x - _wide(mean, x)) * _wide(scale, x)
        variance = squares / (count - 1).clamp_min(1)
        context.save_for_backward(y, scale, count)
        context.ranks, context.counts = ranks, bool(own)
        context.mark_non_differentiable(mean, variance)
        return y, mean, variance

    @staticmethod
    def backward(context: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor, None, None]:
        y, scale, count = context.saved_tensors
        around = _axes(y)
        sums = torch.cat([gradient.sum(around), (gradient * y).sum(around)])
        along_mean, along_scale = (context.ranks.summed(sums) / count).chunk(2)
        if not context.counts:  # no part of the statistics
            return torch.zeros_like(y), None, None
        centred = gradient - _wide(along_mean, y) - y * _wide(along_scale, y)
        return centred * _wide(scale, y), None, None


def _axes(x: Tensor) -> list[int]:
    return [axis for axis in range(x.dim()) if axis != 1]


def _wide(vector: Tensor, like: Tensor) -> Tensor:
    """(D,) as it meets (N, D, ...)."""
    return vector.view(-1, *(1 for _ in like.shape[2:]))
