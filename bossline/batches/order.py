"""Chance in batches: pure functions of seed, epoch and step, so that resuming needs no memory."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bossline.core.ranks import WHOLE, Chance, Part, seed_of
from bossline.core.runtime import on_device


def epoch_order(count: int, seed: int, epoch: int, dtype: torch.dtype = torch.int64) -> Tensor:
    """A permutation of 0..count-1, (count,), the same on every machine and in every type."""
    generator = _generator(np.random.SeedSequence([seed, epoch]), torch.device("cpu"))
    return torch.randperm(count, generator=generator, dtype=dtype)


def generator_of(
    seed: int, epoch: int, step: int, device: torch.device, part: Part = WHOLE
) -> torch.Generator:
    """What all chance in a batch is drawn from, beyond which items it holds.

    Args:
        part: whose rows the draws are for; of a part, what it draws by `ranks.uniform`.
    """
    # The key sets these streams apart from those of orders: to numpy [1, 2] is [1, 2, 0].
    sequence = np.random.SeedSequence([seed, epoch, step], spawn_key=(1,))
    whole = _generator(sequence, device)
    if part is WHOLE:
        return whole
    chance = Chance(device)
    chance.set_state(whole.get_state())
    chance.part = part
    return chance


def _generator(sequence: np.random.SeedSequence, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(seed_of(sequence))


class Shuffled:
    """Indices 0..count-1 in batches of about equal size; every epoch has another order."""

    def __init__(self, count: int, size: int, device: torch.device) -> None:
        """
        Args:
            count: of indices.
            size: most of a batch; see `batch_count`.
            device: where batches are wanted.
        """
        self._count, self._size, self._device = count, size, device
        # Seed, epoch, and what came of them; there are as many as frames, so as narrow as can be.
        self._order: tuple[int, int, Tensor] | None = None
        self._dtype = torch.int32 if count < 1 << 31 else torch.int64

    @property
    def steps_per_epoch(self) -> int:
        return batch_count(self._count, self._size)

    def batch(self, seed: int, epoch: int, step: int) -> Tensor:
        """(B,) int64, a pure function of its arguments; an epoch covers every index once."""
        if self._order is None or self._order[:2] != (seed, epoch):
            order = epoch_order(self._count, seed, epoch, self._dtype)
            self._order = seed, epoch, on_device(order, self._device)
        start, stop = batch_bounds(self._count, self._size, step)
        return self._order[2][start:stop].long()


def batch_bounds(count: int, size: int, step: int) -> tuple[int, int]:
    """Where batch `step` of an epoch begins and ends in its order.

    Batches differ by at most one item and none is dropped.
    """
    batches = batch_count(count, size)
    return step * count // batches, (step + 1) * count // batches


def batch_count(count: int, size: int) -> int:
    """Batches that hold `count` items, at most `size` each.

    Batches of one item are left to those who ask for them: one item has no variance for batch
    normalisation to divide by. So an odd count in twos makes one batch of three.
    """
    batches = -(-count // size)
    return batches if size == 1 else max(1, min(batches, count // 2))
