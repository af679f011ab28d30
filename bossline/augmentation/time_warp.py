"""Time warping: the first part of an utterance a little slower, the rest faster, or the reverse."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from bossline.batches.padded import Padded
from bossline.config import Config


class TimeWarp(Config):
    """Moves one random frame of every utterance, and stretches what lies on both sides of it."""

    frames: int = Field(40, ge=1, description="furthest that a frame moves")

    def __call__(self, batch: Padded, numbers: Tensor) -> tuple[Padded, Tensor]:
        """Warped utterances, of the same lengths, and the frames nearest to what they hold.

        Frames between two old ones are interpolated linearly. An utterance of up to four times
        `frames` moves by at most a quarter of its length.

        Args:
            batch: utterances.
            numbers: (sum of lengths,) the frame that each real frame is.
        """
        source = self._sources(batch)
        last = batch.lengths.unsqueeze(1) - 1
        before = source.floor().long()
        share = (source - before).unsqueeze(2)
        frames = torch.lerp(
            _taken(batch.frames, before),
            _taken(batch.frames, torch.minimum(before + 1, last)),
            share.to(batch.frames.dtype),
        )
        numbered = torch.zeros_like(batch.mask, dtype=torch.int64)
        numbered[batch.mask] = numbers
        nearest = numbered.gather(1, source.round().long())
        return batch.with_frames(frames), nearest[batch.mask]

    def _sources(self, batch: Padded) -> Tensor:
        """(B, T): the place in its utterance that each frame is taken from."""
        last = (batch.lengths - 1).double().unsqueeze(1)
        reach = (last / 4).clamp(max=self.frames)
        centre = reach + _uniform(last) * (last - 2 * reach)
        goal = centre + (2 * _uniform(last) - 1) * reach
        steps = torch.arange(batch.frames.shape[1], device=last.device)
        ahead = steps * (centre / goal.clamp_min(1e-9))
        behind = last - (last - steps) * ((last - centre) / (last - goal).clamp_min(1e-9))
        return torch.where(steps <= goal, ahead, behind).minimum(last).clamp_min(0)


def _uniform(like: Tensor) -> Tensor:
    return torch.rand(like.shape, dtype=like.dtype, device=like.device)


def _taken(frames: Tensor, steps: Tensor) -> Tensor:
    """(B, T, D), (B, T) -> (B, T, D): row steps[b, t] of utterance b."""
    size, length, width = frames.shape
    rows = torch.arange(size, device=steps.device).unsqueeze(1) * length + steps
    return frames.reshape(-1, width).index_select(0, rows.flatten()).view(size, -1, width)
