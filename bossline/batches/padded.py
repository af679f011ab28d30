"""A batch of whole utterances that knows its lengths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bossline.batches.frames import Frames
from bossline.core.runtime import on_device


@dataclass(eq=False)
class Padding:
    """Which frames of utterances in one tensor (B, T, ...) are real: those before their lengths.

    Lengths are known on the host, and whatever takes a decision or a size asks there: a question
    to a device would wait for all that it has yet to do.

    What is traced is to hold for other lengths too, and asks for none: there no size may depend on
    them, so there are masks and no `rows`.

    Attributes:
        known: (B,) int64 on the CPU, the lengths, at least 1, at most T.
        steps: T.
        device: where the frames are.
        least: None, mostly. Else no length is under it, none is known better, and `known` is on the
            device.
    """

    known: Tensor
    steps: int
    device: torch.device
    least: int | None = None
    # Kept by hand: a cached_property has a lock, which cannot be traced.
    _lengths: Tensor | None = field(default=None, init=False, repr=False)
    _mask: Tensor | None = field(default=None, init=False, repr=False)
    _rows: Tensor | None = field(default=None, init=False, repr=False)
    _shortest: int | None = field(default=None, init=False, repr=False)

    @property
    def traced(self) -> bool:
        """Whether what is computed is to hold for any lengths."""
        return self.least is not None or torch.compiler.is_compiling()

    @property
    def lengths(self) -> Tensor:
        """(B,) int64, on the device."""
        if self._lengths is None:
            here = self.least is not None
            self._lengths = self.known if here else on_device(self.known, self.device)
        return self._lengths

    @property
    def mask(self) -> Tensor:
        """(B, T) bool, True on real frames."""
        if self._mask is None:
            steps = torch.arange(self.steps, device=self.device)
            self._mask = steps < self.lengths.unsqueeze(1)
        return self._mask

    @property
    def rows(self) -> Tensor:
        """(sum of lengths,) int64: where the real frames are among all B * T, in their order."""
        assert self.least is None  # a size that depends on lengths
        if self._rows is None:
            before = self.known.cumsum(0) - self.known
            skipped = torch.arange(self.known.shape[0]) * self.steps - before
            rows = skipped.repeat_interleave(self.known)
            self._rows = on_device(rows + torch.arange(rows.shape[0]), self.device)
        return self._rows

    @property
    def shortest(self) -> int | None:
        """The least length, or what no length is under; None while a graph is traced."""
        if self.least is not None or torch.compiler.is_compiling():
            return self.least
        if self._shortest is None:
            self._shortest = int(self.known.numpy().min())
        return self._shortest

    @property
    def full(self) -> bool:
        """Whether all frames are known to be real."""
        return self.shortest == self.steps

    @property
    def total(self) -> int:
        """Real frames; 0 where that is to hold for any lengths."""
        return 0 if self.traced else int(self.known.numpy().sum())

    def changed(self, by: Callable[[Any], Any], steps: int) -> Padding:
        """Of other lengths, of which none is longer because it was shorter.

        Args:
            by: what becomes of a length, and of all of them in one tensor.
            steps: T.
        """
        least = None if self.least is None else by(self.least)
        return Padding(by(self.known), steps, self.device, least)

    def scaled(self, factor: int) -> Padding:
        """Of so many frames in place of each."""
        return self.changed(lambda length: length * factor, self.steps * factor)

    def spread(self, rows: Tensor, fill: int) -> Tensor:
        """(sum of lengths,) -> (B, T): what belongs to the real frames at their places.

        Args:
            fill: what stands in the padding.
        """
        size = self.known.shape[0]
        everywhere = rows.new_full((size * self.steps,), fill)
        return everywhere.index_copy_(0, self.rows, rows).view(size, self.steps)


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
