"""Batches of the rows of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from bossline.batches.base import BatchConfig
from bossline.batches.order import Shuffled
from bossline.core.ranks import WHOLE, Part


class RowConfig(BatchConfig):
    """Batches of rows, in random order."""

    kind: Literal["rows"] = "rows"
    size: int = Field(128, ge=2, description="rows in a batch")

    def open(self, pieces: Sequence[np.ndarray], device: torch.device) -> Rows:
        """
        Args:
            pieces: (1, D) each.
            device: where batches are computed; the rows are kept there.
        """
        return Rows(pieces, self.on(device), device)


class Rows:
    """Rows of a table, kept on the device."""

    def __init__(
        self, pieces: Sequence[np.ndarray], config: RowConfig, device: torch.device
    ) -> None:
        """See RowConfig.open."""
        self._size = config.size
        self.all = torch.from_numpy(np.concatenate(pieces)).to(device)
        self._shuffled = Shuffled(len(self.all), config.size, device)

    def __len__(self) -> int:
        return len(self.all)

    @property
    def description(self) -> str:
        return f"batches of {self._size}"

    @property
    def steps_per_epoch(self) -> int:
        return self._shuffled.steps_per_epoch

    def batch(self, seed: int, epoch: int, step: int, part: Part = WHOLE) -> tuple[Tensor, Tensor]:
        """Rows (B, D) float32 and their indices (B,) int64.

        A pure function of its arguments; the batches of an epoch cover every row once.
        """
        indices = part.of(self._shuffled.batch(seed, epoch, step))
        return self.all[indices], indices

    def in_order(self) -> Iterator[tuple[Tensor, Tensor]]:
        """All rows at once: a table is small."""
        yield self.all, torch.arange(len(self), device=self.all.device)
