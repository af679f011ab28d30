"""Batches of whole utterances of about equal length, with a budget of frames a batch.

They come in few shapes (see shapes.py). The number of batches is the same in every epoch, so a
schedule knows its end. Whatever is longer than a bound is cut, so that an hour of speech needs no
more memory than a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor

from bossline.batches.ahead import where_they_fit
from bossline.batches.base import BatchConfig, FrameBatches
from bossline.batches.frames import frames_of
from bossline.batches.padded import Padded, gathered
from bossline.batches.shapes import Buckets
from bossline.core.counting import counted
from bossline.core.ranks import WHOLE, Part
from bossline.core.runtime import on_device

EVALUATION_FRAMES = 16_384  # of one forward pass outside training
CONTEXT = 200  # frames on both sides that a piece of an utterance sees beside its own

Ints = npt.NDArray[np.int64]


class UtteranceConfig(BatchConfig):
    """Batches of whole utterances, bucketed by length."""

    kind: Literal["utterances"] = "utterances"
    size: int = Field(8000, ge=1, description="frames in a batch, padding left out")
    longest: int = Field(
        3000, ge=1, description="frames; a longer utterance is cut into pieces of equal length"
    )

    def open(self, pieces: list[np.ndarray], device: torch.device) -> FrameBatches:
        """
        Args:
            pieces: features of each utterance, (T, D) each.
            device: where batches are computed.
        """
        opened: FrameBatches = where_they_fit(
            partial(Utterances, pieces, self.on(device)), pieces, device
        )
        return opened


def cut(lengths: Ints, longest: int) -> tuple[Ints, Ints]:
    """Cut what is too long into as few pieces as can be, of equal length give or take a frame.

    Returns:
        (P,) the utterance of each piece, and (P,) its frames; pieces are in order and lie end to
        end.
    """
    counts = -(-lengths // longest)
    utterances = np.repeat(np.arange(len(lengths)), counts)
    place = np.arange(len(utterances)) - np.repeat(np.cumsum(counts) - counts, counts)
    whole, share = lengths[utterances], counts[utterances]
    return utterances, (place + 1) * whole // share - place * whole // share


class Utterances:
    """Whole utterances (a FrameBatches).

    Attributes:
        lengths: (P,) frames of each utterance, or of each piece of one that was cut.
        utterances: (P,) whose piece each is.
    """

    def __init__(
        self, pieces: list[np.ndarray], config: UtteranceConfig, device: torch.device
    ) -> None:
        """See UtteranceConfig.open."""
        self.utterance_lengths = whole = np.array([len(piece) for piece in pieces], np.int64)
        utterances, self.lengths = cut(whole, config.longest)
        self.utterances = utterances
        self._starts = np.cumsum(self.lengths) - self.lengths
        self._utterance_ends = np.cumsum(whole)[utterances]
        self._utterance_starts = self._utterance_ends - whole[utterances]
        self._size, self._buckets = config.size, Buckets(self.lengths, config.size, mixing=True)
        self._plan: tuple[int, int, list[tuple[Ints, int]]] | None = None
        self._frames = frames_of(pieces, device)

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def description(self) -> str:
        return (
            f"whole utterances, batches of {self._size} in "
            f"{counted(len(self._buckets.shapes), 'shape')}, {self._buckets.padding:.1%} padding"
        )

    @property
    def steps_per_epoch(self) -> int:
        return len(self._buckets)

    def batch(self, seed: int, epoch: int, step: int, part: Part = WHOLE) -> tuple[Padded, Tensor]:
        """One batch of utterances and the indices of its frames."""
        if self._plan is None or self._plan[:2] != (seed, epoch):
            rng = np.random.default_rng([seed, epoch])
            self._plan = seed, epoch, self._buckets.shuffled(rng)
        chosen, steps = self._plan[2][step]
        chosen = part.of(chosen)
        starts, lengths = self._starts[chosen], self.lengths[chosen]
        indices = np.repeat(starts, lengths) + _places(lengths)
        return self._gathered(chosen, steps), self._on_device(indices)

    def apart(self) -> Iterator[Padded]:
        """All utterances once, the shortest first; a piece of a cut one by itself, as in training.

        For answers that are strings: they do not lie side by side as those to frames do.
        """
        for chosen, steps in Buckets(self.lengths, EVALUATION_FRAMES).in_order():
            yield self._gathered(chosen, steps)

    def _gathered(self, chosen: Ints, steps: int) -> Padded:
        batch = gathered(self._frames, self._starts[chosen], self.lengths[chosen], steps)
        return replace(batch, items=torch.from_numpy(chosen))

    def in_order(self) -> Iterator[tuple[Padded, Tensor, Tensor]]:
        """All utterances, the shortest first.

        A piece of a cut utterance comes with frames of context, which are not among its own. A
        model's outputs are those of all frames (B, T), padding included, end to end.
        """
        ends = self._starts + self.lengths
        starts = np.maximum(self._starts - CONTEXT, self._utterance_starts)
        lengths = np.minimum(ends + CONTEXT, self._utterance_ends) - starts
        before = self._starts - starts
        for chosen, steps in Buckets(lengths, EVALUATION_FRAMES).in_order():
            batch = gathered(self._frames, starts[chosen], lengths[chosen], steps)
            own, places = self.lengths[chosen], _places(self.lengths[chosen])
            first = steps * np.arange(len(chosen)) + before[chosen]
            indices, rows = (
                self._on_device(np.repeat(start, own) + places)
                for start in (self._starts[chosen], first)
            )
            yield batch, indices, rows

    def _on_device(self, indices: Ints) -> Tensor:
        return on_device(torch.from_numpy(indices), self._frames.device)


def _places(lengths: Ints) -> Ints:
    """(sum of lengths,): which frame of its stretch each frame is, stretches end to end."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
