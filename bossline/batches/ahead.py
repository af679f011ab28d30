"""Frames that a GPU has no room for: the CPU gathers batches of them, a step ahead of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bossline.batches.base import Batches, FrameBatches
from bossline.batches.padded import Padded
from bossline.core.ranks import WHOLE, Part

_SHARE = 2  # frames may take this part of a GPU's free memory: a training needs the rest

Ints = npt.NDArray[np.int64]


def where_they_fit(
    open: Callable[[torch.device], Any], pieces: Sequence[np.ndarray], device: torch.device
) -> Any:
    """Batches of a device's own frames where it has room for them, else gathered ahead.

    Args:
        open: makes the batches with frames on a device.
        pieces: their frames.
        device: where batches are wanted.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if sum(piece.nbytes for piece in pieces) > free // _SHARE:
            return Ahead(open(torch.device("cpu")), device)
    return open(device)


class Ahead:
    """Batches of the CPU on a device; while one is computed with, the next is gathered.

    They are the same batches: a thread only asks for the one that comes next before it is wanted.
    """

    def __init__(self, batches: Batches | FrameBatches, device: torch.device) -> None:
        """
        Args:
            batches: on the CPU.
            device: where they are wanted.
        """
        self._batches, self._device = batches, device
        self._thread = ThreadPoolExecutor(1, "batches")  # one: what batches remember is not locked
        self._next: tuple[tuple[int, int, int], Future[Any]] | None = None

    def __len__(self) -> int:
        return len(self._batches)

    @property
    def utterance_lengths(self) -> Ints:
        """(U,), of a FrameBatches."""
        return self._batches.utterance_lengths  # type: ignore[union-attr]

    @property
    def description(self) -> str:
        return f"{self._batches.description}, gathered by the CPU"

    @property
    def steps_per_epoch(self) -> int:
        return self._batches.steps_per_epoch

    def batch(self, seed: int, epoch: int, step: int, part: Part = WHOLE) -> Any:
        """As of the batches themselves, on the device."""
        wanted = seed, epoch, step
        if self._next is None or self._next[0] != wanted:
            self._next = wanted, self._gathering(*wanted, part)
        gathered, divided = self._next[1].result()
        vars(part).update(vars(divided))  # not those of the step ahead
        last = step + 1 == self.steps_per_epoch
        following = (seed, epoch + 1, 0) if last else (seed, epoch, step + 1)
        self._next = following, self._gathering(*following, part)
        return self._moved(gathered)

    def _gathering(self, seed: int, epoch: int, step: int, part: Part) -> Future[Any]:
        divided = copy(part)
        return self._thread.submit(
            lambda: (self._pinned(self._batches.batch(seed, epoch, step, divided)), divided)
        )

    @property
    def lengths(self) -> Ints:
        """(P,), of Utterances."""
        lengths: Ints = self._batches.lengths  # type: ignore[union-attr]
        return lengths

    @property
    def utterances(self) -> Ints:
        """(P,), of Utterances."""
        utterances: Ints = self._batches.utterances  # type: ignore[union-attr]
        return utterances

    def apart(self) -> Iterator[Padded]:
        """As of Utterances, on the device."""
        for batch in self._batches.apart():  # type: ignore[union-attr]
            yield self._moved((batch,))[0]

    def in_order(self) -> Iterator[Any]:
        """As of the batches themselves, on the device."""
        batches = map(self._pinned, self._batches.in_order())
        coming = self._thread.submit(next, batches, None)
        while (gathered := coming.result()) is not None:
            coming = self._thread.submit(next, batches, None)
            yield self._moved(gathered)

    def _pinned(self, batch: tuple[Tensor | Padded, *tuple[Tensor, ...]]) -> Any:
        """In memory that a GPU copies from by itself."""
        if self._device.type != "cuda":
            return batch
        inputs, *rest = batch
        if isinstance(inputs, Padded):
            inputs = inputs.with_frames(inputs.frames.pin_memory())
        else:
            inputs = inputs.pin_memory()
        return inputs, *(indices.pin_memory() for indices in rest)

    def _moved(self, batch: tuple[Tensor | Padded, *tuple[Tensor, ...]]) -> Any:
        inputs, *rest = batch
        if isinstance(inputs, Padded):
            frames = inputs.frames.to(self._device, non_blocking=True)
            inputs = Padded.of(frames, inputs.padding.known, inputs.items)
        else:
            inputs = inputs.to(self._device, non_blocking=True)
        return inputs, *(indices.to(self._device, non_blocking=True) for indices in rest)
