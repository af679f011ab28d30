"""What every pooling is, and what several of them do with weights over time."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.models.encoders.base import zero_padding

_SMALLEST_VARIANCE = 1e-8


class Pooling(nn.Module, ABC):
    """Padded (B, T, D) -> (B, outputs): one vector an utterance, however long.

    It never depends on what lies in the padding, not even on NaN there. It is float32 at least,
    under autocast too: a sum over hundreds of frames in half precision would be too coarse.

    Attributes:
        outputs: numbers per utterance that come out.
    """

    outputs: int

    @abstractmethod
    def forward(self, batch: Padded) -> Tensor: ...


def real_frames(batch: Padded) -> Tensor:
    """(B, T, D), float32 at least, zeros in the padding."""
    frames = zero_padding(batch.frames, batch.mask)
    return frames.to(torch.promote_types(frames.dtype, torch.float32))


def equal_weights(batch: Padded, dtype: torch.dtype) -> Tensor:
    """(B, T, 1): 1 / length on real frames, 0 in the padding."""
    return (batch.mask.to(dtype) / batch.lengths.unsqueeze(1)).unsqueeze(-1)


def attention_weights(scores: Tensor, mask: Tensor) -> Tensor:
    """(B, T, D), float32 at least: softmax over each utterance's real frames, 0 in the padding.

    Args:
        scores: (B, T, D).
        mask: (B, T) bool, True on real frames, on one of each utterance at least.
    """
    wide = scores.to(torch.promote_types(scores.dtype, torch.float32))
    return wide.masked_fill(~mask.unsqueeze(-1), float("-inf")).softmax(1)


def weighted_mean(x: Tensor, weights: Tensor) -> Tensor:
    """(B, D). Not a matrix product: autocast would do that in half precision.

    Args:
        x: (B, T, D), finite in the padding too.
        weights: (B, T, D) or (B, T, 1), 0 in the padding; they sum to 1 over time.
    """
    return (weights * x).sum(1)


def weighted_statistics(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, (B, D) each, of what `weighted_mean` takes.

    The variance is clamped, so the gradient of the root is finite where all frames are equal.
    """
    mean = weighted_mean(x, weights)
    variance = weighted_mean((x - mean.unsqueeze(1)).square(), weights)
    return mean, variance.clamp(min=_SMALLEST_VARIANCE).sqrt()


def standardised(batch: Padded) -> tuple[Tensor, Tensor]:
    """(B, T, D) of mean 0 and deviation 1 over each utterance, 0 in the padding; (B, D) deviations.

    Args:
        batch: finite in the padding too, as `real_frames` gives them.
    """
    x = batch.frames
    mean, deviation = weighted_statistics(x, equal_weights(batch, x.dtype))
    z = (x - mean.unsqueeze(1)) / deviation.unsqueeze(1)
    return z.masked_fill(~batch.mask.unsqueeze(2), 0), deviation


def correlations_over_time(z: Tensor, lengths: Tensor, lag: int) -> Tensor:
    """(B, D * D), or at lag 0 (B, D * (D - 1) / 2): there the matrix is symmetric, with ones."""
    products = z[:, : max(z.shape[1] - lag, 0)].mT @ z[:, lag:]
    mean = products / (lengths - lag).clamp_min(1).view(-1, 1, 1)
    if lag:
        return mean.flatten(1)
    dims = z.shape[2]
    rows, columns = torch.triu_indices(dims, dims, offset=1, device=z.device)
    return mean[:, rows, columns]
