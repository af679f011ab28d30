"""What may be said: words in order, each in one of several ways, with silence between them or not.

Nodes are moments, arcs phones. An arc leads from a lower node to a higher one, and all arcs into a
node stand before all that leave it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bossline.tasks.smoothing.arrays import Ints

NOTHING = -1
"""The unit of an arc that takes no time: silence left out."""

Way = Sequence[int]
"""Units, at least one."""


@dataclass(frozen=True, eq=False)
class Graph:
    """Arcs (A,) in an order in which they can be gone through once.

    Attributes:
        source, target: nodes.
        unit: what is said, or NOTHING.
        word: which word the arc is of; -1 of what lies between words.
        way: of that word, which of its pronunciations.
        nodes: how many; node 0 is the begin, the last one the end.
    """

    source: Ints
    target: Ints
    unit: Ints
    word: Ints
    way: Ints
    nodes: int

    def __len__(self) -> int:
        return len(self.unit)


def graph_of(words: Sequence[Sequence[Way]], pause: int | None) -> Graph:
    """A graph of words.

    Args:
        words: of each, the ways in which it may be said.
        pause: the unit of the silence that may stand before, between and behind words; None: there
            is none.
    """
    arcs: list[tuple[int, int, int, int, int]] = []
    node = 0

    def silence() -> None:
        nonlocal node
        if pause is not None:
            arcs.append((node, node + 1, NOTHING, -1, 0))
            arcs.append((node, node + 1, pause, -1, 0))
            node += 1

    silence()
    for number, ways in enumerate(words):
        begin, free = node, node + 1
        end = begin + 1 + sum(len(way) - 1 for way in ways)
        lasts = []
        for which, way in enumerate(ways):
            here = begin
            for unit in way[:-1]:
                arcs.append((here, free, unit, number, which))
                here, free = free, free + 1
            lasts.append((here, end, way[-1], number, which))
        arcs += lasts
        node = end
        silence()
    columns = np.array(arcs, np.int64).reshape(-1, 5).T
    return Graph(columns[0], columns[1], columns[2], columns[3], columns[4], node + 1)
