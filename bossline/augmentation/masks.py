"""Masks over stretches of time or frequency, for a whole batch at once.

What is masked becomes its utterance's own mean, taken over real frames only: 0 after CMVN, and no
hint of silence without it.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from bossline.batches.padded import Padded
from bossline.config import Config

MOST_MASKS = 20  # of one utterance, as in arXiv 1912.05533


class TimeMasks(Config):
    """Adaptive masks: a long utterance gets more of them (Park et al. 2020, arXiv 1912.05533)."""

    density: float = Field(0.01, gt=0, le=1, description="masks per frame of the utterance")
    width: int = Field(10, ge=1, description="most frames of a mask")
    share: float = Field(0.1, gt=0, le=1, description="most of an utterance that one mask covers")

    def __call__(self, batch: Padded) -> Padded:
        """The same utterances, each mask's width drawn from 0..most, its place anywhere."""
        counts = (batch.lengths * self.density).round().clamp(1, MOST_MASKS)
        most = (batch.lengths * self.share).floor().clamp(max=self.width)
        covered = stretches(counts, most, batch.lengths, batch.frames.shape[1])
        return _masked(batch, covered.unsqueeze(2))


class FrequencyMasks(Config):
    """Masks over neighbouring dimensions of a frame, the same for the whole utterance."""

    count: int = Field(2, ge=1, le=MOST_MASKS, description="masks of an utterance")
    width: int = Field(4, ge=1, description="most dimensions of a mask")
    share: float = Field(
        0.25,
        gt=0,
        le=1,
        description="most of a block that a mask covers, say 3 of 13 MFCC",
    )

    def __call__(self, batch: Padded, blocks: int) -> Padded:
        """
        Args:
            batch: frames of `blocks` equal parts; a mask covers the same dimensions of each.
            blocks: divides the width of a frame.
        """
        bands = torch.full_like(batch.lengths, batch.frames.shape[2] // blocks)
        counts = torch.full_like(bands, self.count)
        most = (bands * self.share).floor().clamp(max=self.width)
        covered = stretches(counts, most, bands, batch.frames.shape[2] // blocks)
        return _masked(batch, covered.repeat(1, blocks).unsqueeze(1))


def stretches(counts: Tensor, most: Tensor, lengths: Tensor, size: int) -> Tensor:
    """(B, size) bool, True where one of a row's random stretches lies.

    Args:
        counts: (B,) stretches of each row.
        most: (B,) longest stretch of each row, at most its length.
        lengths: (B,) stretches end before it.
        size: columns.
    """
    slots = torch.arange(MOST_MASKS, device=lengths.device)
    widths = _up_to(most.unsqueeze(1).expand(-1, MOST_MASKS))
    widths = widths * (slots < counts.unsqueeze(1))
    starts = _up_to(lengths.unsqueeze(1) - widths).unsqueeze(2)
    steps = torch.arange(size, device=lengths.device)
    return ((steps >= starts) & (steps < starts + widths.unsqueeze(2))).any(1)


def _up_to(highest: Tensor) -> Tensor:
    """Whole numbers drawn evenly from 0..highest, both included."""
    draws = torch.rand(highest.shape, device=highest.device) * (highest + 1)
    return draws.floor().long().minimum(highest.long())


def _masked(batch: Padded, covered: Tensor) -> Padded:
    """The utterances with their mean wherever `covered`, (B, T or 1, D or 1), is True."""
    real = batch.frames.masked_fill(~batch.mask.unsqueeze(2), 0)
    mean = real.sum(1, keepdim=True) / batch.lengths.view(-1, 1, 1)
    return batch.with_frames(torch.where(covered, mean, batch.frames))
