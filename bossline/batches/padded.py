"""A batch of whole utterances that knows its lengths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


@dataclass(frozen=True)
class Padded:
    """Utterances of different lengths in one tensor; what lies beyond a length is padding.

    Attributes:
        frames: (B, T, D).
        lengths: (B,) int64, at least 1, at most T.
    """

    frames: Tensor
    lengths: Tensor

    @cached_property
    def mask(self) -> Tensor:
        """(B, T) bool, True on real frames."""
        steps = torch.arange(self.frames.shape[1], device=self.frames.device)
        return steps < self.lengths.unsqueeze(1)

    def with_frames(self, frames: Tensor) -> Padded:
        """The same lengths with other frames, (B, T, D')."""
        return Padded(frames, self.lengths)

    def joined(self) -> Tensor:
        """(sum of lengths, D): the real frames, utterances end to end."""
        return self.frames[self.mask]


def gathered(
    frames: Tensor, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
) -> Padded:
    """Stretches (B, T, D) of packed frames (N, D), in float32, with zeros beyond their ends.

    Args:
        frames: utterances end to end, of any type of numbers.
        starts: (B,) where each stretch begins.
        lengths: (B,) how long each is.
    """
    first, count = (torch.from_numpy(array).to(frames.device) for array in (starts, lengths))
    longest = int(lengths.max())
    rows = (first.unsqueeze(1) + torch.arange(longest, device=frames.device)).flatten()
    taken = frames.index_select(0, rows.clamp_max(len(frames) - 1)).float()
    batch = Padded(taken.view(len(lengths), longest, -1), count)
    if int(lengths.min()) == longest:
        return batch
    return batch.with_frames(batch.frames.masked_fill(~batch.mask.unsqueeze(2), 0))
