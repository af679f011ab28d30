"""Batches of whole utterances of about equal length, with a budget of frames a batch.

Sorting by length keeps padding small; a little noise on the lengths, new each epoch, keeps the same
utterances from always meeting. The number of batches is the same in every epoch, so a schedule
knows its end. Whatever is longer than a bound is cut, so that an hour of speech needs no more
memory than a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor

from bossline.batches.base import BatchConfig
from bossline.batches.order import by_length
from bossline.batches.padded import Padded, gathered
from bossline.core.runtime import on_device

LENGTH_NOISE = 0.04  # of the length; more mixes better and pads more
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

    def open(self, pieces: list[np.ndarray], device: torch.device) -> Utterances:
        """
        Args:
            pieces: features of each utterance, (T, D) each.
            device: where batches are computed; the frames are kept there.
        """
        return Utterances(pieces, self, device)


def bucketed(lengths: Ints, size: int, rng: np.random.Generator) -> list[Ints]:
    """Disjoint batches of indices of utterances that cover all utterances, in random order.

    Args:
        lengths: (U,) frames of each utterance.
        size: frames in a batch, about; how many batches there are depends on it and the lengths
            alone.
        rng: mixes utterances of about equal length.
    """
    noisy = lengths * rng.uniform(1 - LENGTH_NOISE, 1 + LENGTH_NOISE, len(lengths))
    order = np.argsort(noisy, kind="stable")
    count = min(-(-int(lengths.sum()) // size), len(lengths))
    # Cut where equal shares of all frames end, but give every batch an utterance.
    ends = np.searchsorted(np.cumsum(lengths[order]), lengths.sum() * np.arange(1, count) / count)
    ends = np.maximum.accumulate(ends - np.arange(1, count)) + np.arange(1, count)
    ends = np.clip(ends, np.arange(1, count), len(lengths) - np.arange(count - 1, 0, -1))
    batches = np.split(order, ends)
    return [batches[k] for k in rng.permutation(count)]


def padding_waste(lengths: Ints, batches: list[Ints]) -> float:
    """Share of the padded frames that are padding."""
    filled = sum(int(lengths[batch].max()) * len(batch) for batch in batches)
    return 1 - int(lengths.sum()) / filled


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
    """Whole utterances, kept end to end on the device (a FrameBatches).

    Attributes:
        lengths: (P,) frames of each utterance, or of each piece of one that was cut.
    """

    def __init__(
        self, pieces: list[np.ndarray], config: UtteranceConfig, device: torch.device
    ) -> None:
        """See UtteranceConfig.open."""
        self.utterance_lengths = whole = np.array([len(piece) for piece in pieces], np.int64)
        utterances, self.lengths = cut(whole, config.longest)
        self._starts = np.cumsum(self.lengths) - self.lengths
        self._utterance_ends = np.cumsum(whole)[utterances]
        self._utterance_starts = self._utterance_ends - whole[utterances]
        self._size = config.size
        self._plan: tuple[int, int, list[Ints]] | None = None
        self._frames = torch.from_numpy(np.concatenate(pieces)).to(device)

    def __len__(self) -> int:
        return len(self._frames)

    def _gather(self, starts: Ints, lengths: Ints) -> tuple[Padded, Tensor]:
        """Stretches of frames (B, T, D) float32, zeros beyond their ends, and their indices.

        The indices stand in the order of `Padded.joined`.
        """
        batch = gathered(self._frames, starts, lengths)
        indices = np.repeat(starts, lengths) + _places(lengths)
        return batch, on_device(torch.from_numpy(indices), self._frames.device)

    @property
    def description(self) -> str:
        waste = padding_waste(self.lengths, self._bucketed(0, 0))
        return f"whole utterances, batches of {self._size}, {waste:.1%} padding"

    def _bucketed(self, seed: int, epoch: int) -> list[Ints]:
        return bucketed(self.lengths, self._size, np.random.default_rng([seed, epoch]))

    @property
    def steps_per_epoch(self) -> int:
        return len(self._bucketed(0, 0))

    def batch(self, seed: int, epoch: int, step: int) -> tuple[Padded, Tensor]:
        """One batch of utterances and the indices of its frames."""
        if self._plan is None or self._plan[:2] != (seed, epoch):
            self._plan = seed, epoch, self._bucketed(seed, epoch)
        chosen = self._plan[2][step]
        return self._gather(self._starts[chosen], self.lengths[chosen])

    def in_order(self) -> Iterator[tuple[Padded, Tensor, Tensor]]:
        """All utterances, by length, so that padding is next to nothing.

        A piece of a cut utterance comes with frames of context, which are not among its own.
        """
        ends = self._starts + self.lengths
        starts = np.maximum(self._starts - CONTEXT, self._utterance_starts)
        lengths = np.minimum(ends + CONTEXT, self._utterance_ends) - starts
        before = self._starts - starts
        for chosen in by_length(lengths, EVALUATION_FRAMES):
            batch = gathered(self._frames, starts[chosen], lengths[chosen])
            own, all_frames = self.lengths[chosen], lengths[chosen]
            first = np.cumsum(all_frames) - all_frames + before[chosen]
            places = _places(own)
            indices, rows = (
                on_device(torch.from_numpy(np.repeat(start, own) + places), self._frames.device)
                for start in (self._starts[chosen], first)
            )
            yield batch, indices, rows


def _places(lengths: Ints) -> Ints:
    """(sum of lengths,): which frame of its stretch each frame is, stretches end to end."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
