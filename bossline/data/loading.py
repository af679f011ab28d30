"""Items read and checked in their order: by threads, and where that takes long by processes.

Unpacking, unpickling and checking hold Python's lock, so that threads do little at a time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bossline.core.noticing import gathering
from bossline.core.processes import in_order, worker_processes
from bossline.data.checking import Values, read_checked
from bossline.data.features.spec import Features, FeatureSpec
from bossline.data.precision import Moments, moments
from bossline.data.readers.base import Item

_BATCH = 8  # items that are loaded at a time
_START = 2.0  # seconds, about what processes take to start
# What n processes take of the time of threads is this over n: threads use more than one core by
# themselves, and what processes read is sent as well. So on two cores there is nothing to gain.
_COST = 2.0


class Loaded(NamedTuple):
    """What became of an item."""

    values: Values | None
    faults: list[str]
    known: Moments | None
    """Of frames; None where there is no question of their precision."""
    noticed: list[str]
    """What is odd about the item, and not wrong."""


@dataclass(frozen=True)
class Loading:
    """How items become the values that are packed."""

    features: Features
    """As the source has them."""
    rebuild: bool
    """Whether deltas over time take the place of theirs."""

    def __call__(self, items: Sequence[Item]) -> list[Loaded]:
        return [self._loaded(item) for item in items]

    def _loaded(self, item: Item) -> Loaded:
        with gathering() as noticed:
            values, faults = read_checked(item, self.features)
        if values is None or self.features.kind in ("image", "table"):
            return Loaded(values, faults, None, noticed)
        if self.rebuild:
            from bossline.data.features.deltas import rebuild_time_deltas

            values = rebuild_time_deltas(values)
        return Loaded(values, faults, moments(values), noticed)


def load_all(
    loading: Loading, items: Sequence[Item], threads: Executor, processes: int | None
) -> Generator[Loaded]:
    """Every item, in order; a few batches of them are in memory at a time.

    Args:
        loading: what is done with each.
        items: in any number.
        threads: of this process.
        processes: how many work; 1 is this one. None: one a core, where that is sooner.

    Raises:
        UserError: another process was ended from outside.
    """
    batches = [items[start : start + _BATCH] for start in range(0, len(items), _BATCH)]
    cores = os.cpu_count() or 1
    done, began = 0, time.monotonic()
    shareable = all(map(_is_told_in_words, items))
    if processes is None or processes == 1 or not shareable:
        may_end = processes is None and cores > 1 and shareable
        with closing(in_order(threads, loading, batches, 2 * cores)) as results:
            for batch in results:
                yield from batch
                done += 1
                seconds = time.monotonic() - began
                left = seconds / done * (len(batches) - done)
                if may_end and seconds > _START and left * (1 - _COST / cores) > _START:
                    break
    if done < len(batches):
        count = processes or cores
        with (
            worker_processes(count) as pool,
            closing(in_order(pool, loading, batches[done:], 2 * count)) as results,
        ):
            for batch in results:
                yield from batch


def _is_told_in_words(item: Item) -> bool:
    """Whether another process can load it: by a function of bossline, from names and numbers."""
    load = item.load
    return (
        isinstance(load, partial)
        and load.func.__module__.startswith("bossline.")
        and all(
            isinstance(argument, str | Path | int | float | FeatureSpec)
            for argument in (*load.args, *load.keywords.values())
        )
    )
