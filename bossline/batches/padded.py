"""A batch of whole utterances that knows its lengths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bossline.batches.frames import Frames
from bossline.core.runtime import on_device


@dataclass(frozen=True)
class Padding:
    """Which frames of utterances in one tensor (B, T, ...) are real: those before their lengths.

    Lengths are known on the host, and whatever takes a decision or a size asks there: a question
    to a device would wait for all that it has yet to do.

    Attributes:
        known: (B,) int64 on the CPU, the lengths, at least 1, at most T.
        steps: T.
        device: where the frames are.
    """

    known: Tensor
    steps: int
    device: torch.device

    @cached_property
    def lengths(self) -> Tensor:
        """(B,) int64, on the device."""
        return on_device(self.known, self.device)

    @cached_property
    def mask(self) -> Tensor:
        """(B, T) bool, True on real frames."""
        return torch.arange(self.steps, device=self.device) < self.lengths.unsqueeze(1)

    @cached_property
    def rows(self) -> Tensor:
        """(sum of lengths,) int64: where the real frames are among all B * T, in their order."""
        before = self.known.cumsum(0) - self.known
        skipped = torch.arange(self.known.shape[0]) * self.steps - before
        rows = skipped.repeat_interleave(self.known)
        return on_device(rows + torch.arange(rows.shape[0]), self.device)

    @cached_property
    def shortest(self) -> int | None:
        """The least length; None while a graph is traced, which is to hold for any."""
        return None if torch.compiler.is_compiling() else int(self.known.numpy().min())

    @property
    def full(self) -> bool:
        """Whether all frames are known to be real."""
        return self.shortest == self.steps

    def scaled(self, factor: int) -> Padding:
        """Of so many frames in place of each."""
        return Padding(self.known * factor, self.steps * factor, self.device)


@dataclass(frozen=True)
class Padded:
    """Utterances of different lengths in one tensor; what lies beyond a length is padding.

    Attributes:
        frames: (B, T, D).
        padding: which of them are real.
        items: (B,) int64 on the CPU: which utterance, or piece of one, each is, where that is told.
    """

    frames: Tensor
    padding: Padding
    items: Tensor | None = None

    @classmethod
    def of(cls, frames: Tensor, lengths: Tensor, items: Tensor | None = None) -> Padded:
        """
        Args:
            frames: (B, T, D).
            lengths: (B,) int64 on the CPU, at least 1, at most T.
            items: see the attribute.
        """
        return cls(frames, Padding(lengths, frames.shape[1], frames.device), items)

    @property
    def lengths(self) -> Tensor:
        """(B,) int64, on the device."""
        return self.padding.lengths

    @property
    def mask(self) -> Tensor:
        """(B, T) bool, True on real frames."""
        return self.padding.mask

    def with_frames(self, frames: Tensor) -> Padded:
        """The same lengths with other frames, (B, T, D')."""
        return Padded(frames, self.padding, self.items)

    def joined(self) -> Tensor:
        """(sum of lengths, D): the real frames, utterances end to end."""
        return self.frames.flatten(0, 1).index_select(0, self.padding.rows)


def gathered(
    frames: Frames, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], steps: int
) -> Padded:
    """Stretches (B, T, D) of frames, in float32, with zeros beyond their ends.

    Args:
        frames: of utterances.
        starts: (B,) where each stretch begins.
        lengths: (B,) how long each is; all of it in one utterance.
        steps: T, at least the longest.
    """
    return Padded.of(frames.stretches(starts, lengths, steps), torch.from_numpy(lengths))
