"""SpecAugment (arXiv 1904.08779): masks over time and frequency, and a warp of the time axis."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Generator, Tensor

from bossline.augmentation.disturbance import Disturbance
from bossline.batches.padded import Padded
from bossline.core.config import Config
from bossline.core.ranks import uniform
from bossline.data.features.spec import FeatureSpec

# Masks over stretches of time or frequency, for a whole batch at once.
#
# What is masked becomes its utterance's own mean, taken over real frames only: 0 after CMVN, and
# no hint of silence without it.


MOST_MASKS = 20  # of one utterance, as in arXiv 1912.05533


class TimeMasks(Config):
    """Adaptive masks: a long utterance gets more of them (Park et al. 2020, arXiv 1912.05533)."""

    density: float = Field(0.01, gt=0, le=1, description="masks per frame of the utterance")
    width: int = Field(10, ge=1, description="most frames of a mask")
    share: float = Field(0.1, gt=0, le=1, description="most of an utterance that one mask covers")

    def __call__(self, batch: Padded, generator: Generator) -> Padded:
        """The same utterances, each mask's width drawn from 0..most, its place anywhere."""
        counts = (batch.lengths * self.density).round().clamp(1, MOST_MASKS)
        most = (batch.lengths * self.share).floor().clamp(max=self.width)
        covered = stretches(counts, most, batch.lengths, batch.frames.shape[1], generator)
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

    def __call__(self, batch: Padded, blocks: int, generator: Generator) -> Padded:
        """
        Args:
            batch: frames of `blocks` equal parts; a mask covers the same dimensions of each.
            blocks: divides the width of a frame.
            generator: of the batch's device.
        """
        width = batch.frames.shape[2] // blocks
        bands = torch.full_like(batch.lengths, width)
        counts = torch.full_like(bands, self.count)
        most = (bands * self.share).floor().clamp(max=self.width)
        covered = stretches(counts, most, bands, width, generator)
        return _masked(batch, covered.repeat(1, blocks).unsqueeze(1))


def stretches(
    counts: Tensor, most: Tensor, lengths: Tensor, size: int, generator: Generator
) -> Tensor:
    """(B, size) bool, True where one of a row's random stretches lies.

    Args:
        counts: (B,) stretches of each row.
        most: (B,) longest stretch of each row, at most its length.
        lengths: (B,) stretches end before it.
        size: columns.
        generator: of the device of all these.
    """
    slots = torch.arange(MOST_MASKS, device=lengths.device)
    widths = _up_to(most.unsqueeze(1).expand(-1, MOST_MASKS), generator)
    widths = widths * (slots < counts.unsqueeze(1))
    starts = _up_to(lengths.unsqueeze(1) - widths, generator).unsqueeze(2)
    steps = torch.arange(size, device=lengths.device)
    return ((steps >= starts) & (steps < starts + widths.unsqueeze(2))).any(1)


def _up_to(highest: Tensor, generator: Generator) -> Tensor:
    """Whole numbers drawn evenly from 0..highest, both included."""
    draws = uniform(highest.shape, generator, highest.device)
    return (draws * (highest + 1)).floor().long().minimum(highest.long())


def _masked(batch: Padded, covered: Tensor) -> Padded:
    """The utterances with their mean wherever `covered`, (B, T or 1, D or 1), is True."""
    real = batch.frames.masked_fill(~batch.mask.unsqueeze(2), 0)
    mean = real.sum(1, keepdim=True) / batch.lengths.view(-1, 1, 1)
    return batch.with_frames(torch.where(covered, mean, batch.frames))


# Time warping: the first part of an utterance a little slower, the rest faster, or the reverse.


class TimeWarp(Config):
    """Moves one random frame of every utterance, and stretches what lies on both sides of it."""

    frames: int = Field(40, ge=1, description="furthest that a frame moves")

    def __call__(
        self, batch: Padded, indices: Tensor, generator: Generator
    ) -> tuple[Padded, Tensor]:
        """Warped utterances, of the same lengths, and the frames nearest to what they hold.

        Frames between two old ones are interpolated linearly. An utterance of up to four times
        `frames` moves by at most a quarter of its length.

        Args:
            batch: utterances.
            indices: (sum of lengths,) the frame that each real frame is.
            generator: of the batch's device.
        """
        source = self._sources(batch, generator)
        last = batch.lengths.unsqueeze(1) - 1
        before = source.floor().long()
        share = (source - before).unsqueeze(2)
        frames = torch.lerp(
            _taken(batch.frames, before),
            _taken(batch.frames, torch.minimum(before + 1, last)),
            share.to(batch.frames.dtype),
        )
        rows = batch.padding.rows
        padded = torch.zeros_like(batch.mask, dtype=torch.int64)
        padded.view(-1).index_copy_(0, rows, indices)
        nearest = padded.gather(1, source.round().long())
        return batch.with_frames(frames), nearest.flatten().index_select(0, rows)

    def _sources(self, batch: Padded, generator: Generator) -> Tensor:
        """(B, T): the place in its utterance that each frame is taken from."""
        last = (batch.lengths - 1).double().unsqueeze(1)
        reach = (last / 4).clamp(max=self.frames)
        centre = reach + _uniform(last, generator) * (last - 2 * reach)
        goal = centre + (2 * _uniform(last, generator) - 1) * reach
        steps = torch.arange(batch.frames.shape[1], device=last.device)
        ahead = steps * (centre / goal.clamp_min(1e-9))
        behind = last - (last - steps) * ((last - centre) / (last - goal).clamp_min(1e-9))
        return torch.where(steps <= goal, ahead, behind).minimum(last).clamp_min(0)


def _uniform(like: Tensor, generator: Generator) -> Tensor:
    return uniform(like.shape, generator, like.device, like.dtype)


def _taken(frames: Tensor, steps: Tensor) -> Tensor:
    """(B, T, D), (B, T) -> (B, T, D): row steps[b, t] of utterance b."""
    size, length, width = frames.shape
    rows = torch.arange(size, device=steps.device).unsqueeze(1) * length + steps
    return frames.reshape(-1, width).index_select(0, rows.flatten()).view(size, -1, width)


# SpecAugment (Park et al. 2019, arXiv 1904.08779): warp time, mask frequencies, mask times.


class SpecAugment(Config):
    """Each part works where it is given, in the paper's order."""

    kind: Literal["spec-augment"] = "spec-augment"
    disturbance: Disturbance | None = Field(
        None, description="voices, rooms, noises and channels, before all else"
    )
    time_warp: TimeWarp | None = None
    frequency_masks: FrequencyMasks | None = None
    time_masks: TimeMasks | None = None

    def __call__(
        self, batch: Padded, indices: Tensor, features: FeatureSpec, generator: Generator
    ) -> tuple[Padded, Tensor]:
        """An augmented copy of a batch.

        Args:
            batch: utterances.
            indices: (sum of lengths,) the frame that each real frame is, in the order of
                `Padded.joined`.
            features: what a frame is.
            generator: of the batch's device; all chance comes from it.

        Returns:
            The utterances, of the same lengths, and the frames whose labels they now have.

        Raises:
            UserError: features that cannot be disturbed.
        """
        if self.disturbance is not None:
            batch = self.disturbance(batch, features, generator)
        if self.time_warp is not None:
            batch, indices = self.time_warp(batch, indices, generator)
        if self.frequency_masks is not None:
            batch = self.frequency_masks(batch, features.blocks, generator)
        if self.time_masks is not None:
            batch = self.time_masks(batch, generator)
        return batch, indices
