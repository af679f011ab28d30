"""Batches of random segments of utterances: one gather from the packed frames.

No file is opened, no item collated. An utterance shorter than a segment is padded, and the batch
knows its length.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from bossline.batches.ahead import where_they_fit
from bossline.batches.base import BatchConfig, Batches
from bossline.batches.frames import frames_of
from bossline.batches.order import epoch_order
from bossline.batches.padded import Padded, gathered
from bossline.batches.shapes import Buckets
from bossline.core.ranks import WHOLE, Part
from bossline.core.runtime import on_device
from bossline.data.speeds import check_speeds

EVALUATION_FRAMES = 32_768  # of one forward pass outside training

Ints = npt.NDArray[np.int64]


class SegmentConfig(BatchConfig):
    """Batches of segments; every so many of them are an epoch."""

    kind: Literal["segments"] = "segments"
    frames: int = Field(128, ge=1, description="frames in a segment")
    size: int = Field(32, ge=2, description="segments in a batch")
    valid_every: int = Field(
        2000,
        ge=1,
        le=1_000_000,
        description="steps between validations; as many make what counts as an epoch",
    )
    balanced: bool = Field(
        False, description="every speaker equally often, not every utterance equally often"
    )
    speeds: Annotated[tuple[float, ...], AfterValidator(check_speeds)] = Field(
        (),
        description="train on the corpus' copies of recordings at these speeds too; each makes of "
        "every speaker one more to tell apart",
    )
    views: int = Field(
        0, ge=0, description="segments that a prediction averages over; 0: the whole utterance"
    )

    def open(
        self, pieces: list[np.ndarray], device: torch.device, groups: Ints | None = None
    ) -> Batches:
        """
        Args:
            pieces: features of each utterance, (T, D) each.
            device: where batches are computed.
            groups: (U,) whose utterance each is; only balanced sampling asks.
        """
        opening = partial(Segments, pieces, self.on(device), groups=groups)
        opened: Batches = where_they_fit(opening, pieces, device)
        return opened


class Segments:
    """Random segments of utterances (a Batches)."""

    def __init__(
        self,
        pieces: list[np.ndarray],
        config: SegmentConfig,
        device: torch.device,
        groups: Ints | None,
    ) -> None:
        """See SegmentConfig.open."""
        self._config = config
        self.lengths = np.array([len(piece) for piece in pieces], np.int64)
        self._starts = np.cumsum(self.lengths) - self.lengths
        self._frames = frames_of(pieces, device)
        self._order: tuple[int, int, Ints] | None = None
        self._members = (
            [np.flatnonzero(groups == group) for group in np.unique(groups)]
            if config.balanced and groups is not None
            else []
        )

    def __len__(self) -> int:
        """Utterances."""
        return len(self.lengths)

    @property
    def description(self) -> str:
        balanced = ", speakers balanced" if self._members else ""
        played = ", ".join(f"{speed:g}" for speed in self._config.speeds)
        faster = f", at speeds {played} too" if played else ""
        sizes = f"segments of {self._config.frames}, batches of {self._config.size}"
        return f"{sizes}{balanced}{faster}"

    @property
    def steps_per_epoch(self) -> int:
        return self._config.valid_every

    def batch(self, seed: int, epoch: int, step: int, part: Part = WHOLE) -> tuple[Padded, Tensor]:
        """Segments (B, T, D), and (B,) int64 the utterances that they are from.

        A pure function of its arguments. Every utterance comes once before any comes again, unless
        speakers are balanced: then speaker and utterance are drawn.
        """
        rng = np.random.default_rng([seed, epoch, step])
        if self._members:
            groups = rng.integers(len(self._members), size=self._config.size)
            chosen = np.array([rng.choice(self._members[group]) for group in groups])
        else:
            chosen = self._in_turn(seed, epoch * self._config.valid_every + step)
        longest = min(self._config.frames, int(self.lengths.max()))
        length = np.minimum(self.lengths[chosen], longest)
        start = rng.integers(self.lengths[chosen] - length + 1)
        chosen, start, length = part.of(chosen), part.of(start), part.of(length)
        batch = gathered(self._frames, self._starts[chosen] + start, length, longest)
        return batch, self._on_device(chosen)

    def _in_turn(self, seed: int, step: int) -> Ints:
        """The utterances of a step, counted from the very first one."""
        places = step * self._config.size + np.arange(self._config.size)
        return np.concatenate(
            [
                self._turn(seed, int(turn))[places[places // len(self) == turn] % len(self)]
                for turn in np.unique(places // len(self))
            ]
        )

    def _turn(self, seed: int, turn: int) -> Ints:
        if self._order is None or self._order[:2] != (seed, turn):
            self._order = seed, turn, epoch_order(len(self), seed, turn).numpy()
        return self._order[2]

    def in_order(self) -> Iterator[tuple[Padded, Tensor]]:
        """All utterances for a prediction: whole, or so many views of each, evenly spread.

        Batches are of about equal lengths; the indices (B,) say whose a row is.
        """
        indices, starts, lengths = self._whole_or_views()
        for chosen, steps in Buckets(lengths, EVALUATION_FRAMES).in_order():
            batch = gathered(self._frames, starts[chosen], lengths[chosen], steps)
            yield batch, self._on_device(indices[chosen])

    def _whole_or_views(self) -> tuple[Ints, Ints, Ints]:
        utterances, views = np.arange(len(self)), self._config.views
        if not views:
            return utterances, self._starts, self.lengths
        indices = np.repeat(utterances, views)
        lengths = np.minimum(self.lengths, self._config.frames)[indices]
        slack = self.lengths[indices] - lengths
        place = np.tile(np.arange(views), len(self))
        # One view sits in the middle, several reach from end to end.
        spread = slack * place // (views - 1) if views > 1 else slack // 2
        return indices, self._starts[indices] + spread, lengths

    def _on_device(self, indices: Ints) -> Tensor:
        return on_device(torch.from_numpy(indices), self._frames.device)
