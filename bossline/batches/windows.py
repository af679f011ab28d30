"""Context windows over packed frames, never materialised.

The chosen utterances are copied once, end to end, each with its first and last frame repeated at
its edges. A window is then a row of an overlapping strided view of that one array: memory stays
that of one frame a frame whatever the width, and a batch is a single gather.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from pydantic import Field, field_validator
from torch import Tensor

from bossline.batches.base import BatchConfig
from bossline.batches.order import Shuffled

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

    def open(self, pieces: list[np.ndarray], device: torch.device) -> Windows:
        """
        Args:
            pieces: features of each utterance, (T, D) each.
            device: where batches are computed; the frames are kept there.
        """
        return Windows(pieces, self, device)


def pad_edges(pieces: list[np.ndarray], reach: int) -> np.ndarray:
    """Join (T, D) pieces end to end, each with its edge frames repeated `reach` times."""
    dtype = np.result_type(*(piece.dtype for piece in pieces))
    rows = sum(len(piece) + 2 * reach for piece in pieces)
    padded = np.empty((rows, pieces[0].shape[1]), dtype)
    row = 0
    for piece in pieces:
        first, end = row + reach, row + reach + len(piece)
        padded[row:first] = piece[0]
        padded[first:end] = piece
        padded[end : end + reach] = piece[-1]
        row = end + reach
    return padded


class Windows:
    """Windows around every frame of the given features (a FrameBatches)."""

    def __init__(
        self, pieces: list[np.ndarray], config: WindowConfig, device: torch.device
    ) -> None:
        """See WindowConfig.open."""
        reach = config.frames // 2
        self.utterance_lengths = lengths = np.array([len(piece) for piece in pieces], np.int64)
        self._config = config
        frames = torch.from_numpy(pad_edges(pieces, reach)).to(device)
        rows, dim = frames.shape
        self._view = frames.as_strided((rows - 2 * reach, config.inputs(dim)), (dim, 1))
        # Window k of utterance u begins at row k of the padded frames plus the padding before u.
        shift = np.repeat(np.arange(len(pieces)) * 2 * reach, lengths)
        starts = np.arange(int(lengths.sum())) + shift
        self._starts = torch.from_numpy(starts).to(device)
        self._shuffled = Shuffled(len(starts), config.size, device)

    def __len__(self) -> int:
        return len(self._starts)

    def gather(self, indices: Tensor) -> Tensor:
        """(B, width * D) float32: the windows of these indices, frames in order of time."""
        return self._view.index_select(0, self._starts[indices]).float()

    @property
    def description(self) -> str:
        return f"windows of {self._config.frames}, batches of {self._config.size}"

    @property
    def steps_per_epoch(self) -> int:
        return self._shuffled.steps_per_epoch

    def batch(self, seed: int, epoch: int, step: int) -> tuple[Tensor, Tensor]:
        """Windows (B, width * D) float32 and their indices (B,)."""
        indices = self._shuffled.batch(seed, epoch, step)
        return self.gather(indices), indices

    def in_order(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """All windows, neighbours together; every one is its frame's own."""
        for start in range(0, len(self), EVALUATION_BATCH):
            stop = min(start + EVALUATION_BATCH, len(self))
            indices = torch.arange(start, stop, device=self._starts.device)
            yield self.gather(indices), indices, indices - start
