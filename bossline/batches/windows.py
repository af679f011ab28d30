"""Context windows over packed frames, never materialised.

A window is a row of an overlapping strided view of the frames where they lie: memory stays that of
one frame a frame whatever the width, and a batch is a gather. At the edges of an utterance its
first or last frame is repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal

import numpy as np
import torch
from pydantic import Field, field_validator
from torch import Tensor

from bossline.batches.ahead import where_they_fit
from bossline.batches.base import BatchConfig, FrameBatches
from bossline.batches.frames import frames_of
from bossline.batches.order import Shuffled
from bossline.core.ranks import WHOLE, Part

# Windows of one forward pass outside training; enough to fill a device, small in memory.
EVALUATION_BATCH = 4096


class WindowConfig(BatchConfig):
    """Batches of context windows, in random order."""

    kind: Literal["windows"] = "windows"
    frames: int = Field(11, ge=1, le=1001, description="frames in a window, odd")
    size: int = Field(512, ge=1, description="windows in a batch")

    @field_validator("frames")
    @classmethod
    def _odd(cls, frames: int) -> int:
        if frames % 2 == 0:
            raise ValueError(
                f"a window has a centre frame, so an odd number of frames: {frames - 1} or "
                f"{frames + 1}, not {frames}"
            )
        return frames

    def inputs(self, dim: int) -> int:
        """Numbers that a model gets for a frame of `dim` numbers."""
        return self.frames * dim

    def open(self, pieces: list[np.ndarray], device: torch.device) -> FrameBatches:
        """
        Args:
            pieces: features of each utterance, (T, D) each.
            device: where batches are computed.
        """
        opened: FrameBatches = where_they_fit(
            partial(Windows, pieces, self.on(device)), pieces, device
        )
        return opened


class Windows:
    """Windows around every frame of the given features (a FrameBatches)."""

    def __init__(
        self, pieces: list[np.ndarray], config: WindowConfig, device: torch.device
    ) -> None:
        """See WindowConfig.open."""
        self._config = config
        self._frames = frames_of(pieces, device, config.frames)
        self.utterance_lengths = self._frames.lengths
        self._shuffled = Shuffled(len(self._frames), config.size, device)

    def __len__(self) -> int:
        return len(self._frames)

    def gather(self, indices: Tensor) -> Tensor:
        """(B, width * D) float32: the windows of these indices, frames in order of time."""
        return self._frames.windows(indices)

    @property
    def description(self) -> str:
        return f"windows of {self._config.frames}, batches of {self._config.size}"

    @property
    def steps_per_epoch(self) -> int:
        return self._shuffled.steps_per_epoch

    def batch(self, seed: int, epoch: int, step: int, part: Part = WHOLE) -> tuple[Tensor, Tensor]:
        """Windows (B, width * D) float32 and their indices (B,)."""
        indices = part.of(self._shuffled.batch(seed, epoch, step))
        return self.gather(indices), indices

    def in_order(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """All windows, neighbours together; every one is its frame's own."""
        for start in range(0, len(self), EVALUATION_BATCH):
            stop = min(start + EVALUATION_BATCH, len(self))
            indices = torch.arange(start, stop, device=self._frames.device)
            yield self.gather(indices), indices, indices - start
