"""What encoders are made of: layers over padded utterances that do not see the padding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any

import torch
from pydantic import AfterValidator, Field
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

from bossline.batches.padded import Padded, Padding
from bossline.models.depthwise import DepthwiseConv2d

# What every encoder is, and the one rule about padding.


class Encoder(nn.Module, ABC):
    """(B, T, inputs) -> (B, T', outputs) with its lengths; T' = T unless it subsamples.

    Real frames never depend on what lies in the padding, not even on NaN there, and every utterance
    gets what it would get alone. What an encoder itself leaves in the padding is finite, no more.

    Attributes:
        outputs: numbers per frame that come out.
    """

    outputs: int

    @abstractmethod
    def forward(self, batch: Padded) -> Padded: ...


def zero_padding(x: Tensor, padding: Padding) -> Tensor:
    """(B, T, D) -> (B, T, D). A choice, not a product: 0 times NaN is NaN."""
    if padding.full:
        return x
    return torch.where(padding.mask.unsqueeze(-1), x, 0.0)


# Convolution over time that does not see the padding.


def odd_or_none(frames: int) -> int:
    """Refuses an even kernel: it would look further back than ahead, or the reverse."""
    if frames and frames % 2 == 0:
        raise ValueError(f"must be odd, {frames} is even")
    return frames


Kernel = Annotated[int, Field(ge=1), AfterValidator(odd_or_none)]


class TimeConvolution(nn.Module):
    """(B, T, inputs) -> (B, T, outputs): zeros beyond the edges of each utterance.

    It is a 2-D convolution of height 1: (B, T, D) is then the channels-last layout as it stands,
    nothing is transposed, and torch has fast CPU kernels for it. Against Conv1d, forward and
    backward: 4x on a depthwise kernel of 31, 1.1x on a dense kernel of 3.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        kind = nn.Conv2d if groups == 1 else DepthwiseConv2d
        self.convolution = kind(
            inputs,
            outputs,
            (1, kernel),
            padding=(0, dilation * (kernel // 2)),
            dilation=(1, dilation),
            groups=groups,
            bias=bias,
        )

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """
        Args:
            x: (B, T, inputs).
            padding: of these frames.
        """
        channels_first = zero_padding(x, padding).transpose(1, 2).unsqueeze(2)
        convolved: Tensor = self.convolution(channels_first)
        return convolved.squeeze(2).transpose(1, 2)


# Batch normalisation (Ioffe and Szegedy, arXiv 1502.03167) of padded utterances.


EPSILON = 1e-5
MOMENTUM = 0.1


class MaskedBatchNorm(nn.Module):
    """(B, T, D) -> (B, T, D): nn.BatchNorm1d of the real frames joined end to end.

    In training they are joined where there is padding at all, and torch's own kernel takes them: on
    a CPU 4 to 9 times as fast as sums over a mask, which are for what is traced.
    """

    running_mean: Tensor
    running_variance: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_variance", torch.ones(width))

    def forward(self, x: Tensor, padding: Padding) -> Tensor:
        """
        Args:
            x: (B, T, D).
            padding: of these frames.
        """
        frames = x.flatten(0, 1)
        if not self.training or padding.full:
            return self._batch_norm(frames).view(x.shape)
        if padding.traced:
            return self._masked(x, padding.mask.unsqueeze(2))
        rows = padding.rows
        normed = self._batch_norm(rows_of(frames, rows))
        return rows_at(normed, rows, len(frames)).view(x.shape)

    def _batch_norm(self, frames: Tensor) -> Tensor:
        """(N, D) -> (N, D)."""
        if self.training and len(frames) == 1:
            return self._of_one(frames)
        return torch.batch_norm(
            frames,
            self.weight,
            self.bias,
            self.running_mean,
            self.running_variance,
            self.training,
            MOMENTUM,
            EPSILON,
            torch.backends.cudnn.enabled,
        )

    def _masked(self, x: Tensor, real: Tensor) -> Tensor:
        """(B, T, D), real (B, T, 1) bool -> (B, T, D)."""
        wide = x.to(self.weight.dtype)
        count = real.sum()
        mean = torch.where(real, wide, 0.0).sum((0, 1)) / count
        centred = torch.where(real, wide - mean, 0.0)
        variance = centred.square().sum((0, 1)) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, MOMENTUM)
            unbiased = variance * (count / (count - 1).clamp_min(1))
            self.running_variance.lerp_(unbiased, MOMENTUM)
        scale = (variance + EPSILON).rsqrt() * self.weight
        return torch.addcmul(self.bias, centred, scale).to(x.dtype)

    def _of_one(self, frame: Tensor) -> Tensor:
        """(1, D) -> (1, D): a single frame has no variance, which torch would make NaN."""
        wide = frame.to(self.weight.dtype)
        centred = wide - wide  # it is its own mean
        with torch.no_grad():
            self.running_mean.lerp_(wide[0], MOMENTUM)
            self.running_variance.lerp_(centred[0].square(), MOMENTUM)
        return torch.addcmul(self.bias, centred, self.weight).to(frame.dtype)


# Rows picked and put back. Indexing would add up gradients, which is slow.


def rows_of(x: Tensor, rows: Tensor) -> Tensor:
    """(M, D) -> (N, D): some rows, each once."""
    joined: Tensor = _Joined.apply(x, rows)  # type: ignore[no-untyped-call]
    return joined


def rows_at(x: Tensor, rows: Tensor, count: int) -> Tensor:
    """(N, D) -> (count, D): rows at their places, zeros elsewhere."""
    spread: Tensor = _Spread.apply(x, rows, count)  # type: ignore[no-untyped-call]
    return spread


class _Joined(Function):
    @staticmethod
    def forward(context: Any, x: Tensor, rows: Tensor) -> Tensor:
        context.save_for_backward(rows)
        context.count = len(x)
        return x.index_select(0, rows)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (rows,) = context.saved_tensors
        return _spread(gradient, rows, context.count), None


class _Spread(Function):
    @staticmethod
    def forward(context: Any, x: Tensor, rows: Tensor, count: int) -> Tensor:
        context.save_for_backward(rows)
        return _spread(x, rows, count)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (rows,) = context.saved_tensors
        return gradient.index_select(0, rows), None, None


def _spread(x: Tensor, rows: Tensor, count: int) -> Tensor:
    return x.new_zeros(count, x.shape[1]).index_copy(0, rows, x)


# Several frames as one step: what an encoder then does, it does for a fraction of the cost.


def frame_stacked(batch: Padded, count: int) -> Padded:
    """(B, T, D) -> (B, ceil(T / count), count * D): neighbouring frames side by side.

    A last step that lacks frames is filled with zeros.
    """
    if count == 1:
        return batch
    frames = zero_padding(batch.frames, batch.padding)
    frames = functional.pad(frames, (0, 0, 0, -frames.shape[1] % count))
    steps = frames.reshape(frames.shape[0], -1, count * frames.shape[2])
    return Padded(steps, batch.padding.changed(lambda n: -(-n // count), steps.shape[1]))
