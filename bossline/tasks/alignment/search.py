"""The best path through a graph of phones: Viterbi with explicit durations, arc by arc.

An arc is laid over all moments at once: with S the score of being at its source and L the summed
score of its unit, the best way to be at its target after t frames is
max over d of S[t - d] + L[t] - L[t - d] + log P(d), a running maximum of S - L. The table of
durations gives d = 1..D; beyond, where they are geometric, one maximum from the left does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from bossline.tasks.alignment.graph import NOTHING, Graph
from bossline.tasks.smoothing.arrays import Floats, Ints


@dataclass(frozen=True, eq=False)
class Durations:
    """What it costs that a unit lasts d frames, as logarithms.

    Attributes:
        table: (V, D) of d = 1..D; -inf where it cannot be.
        beyond: (V,) of d = D + 1.
        stay: (V,) at most 0: of each frame more.
    """

    table: Floats
    beyond: Floats
    stay: Floats

    @property
    def shortest(self) -> Ints:
        """(V,) frames that a unit takes at least."""
        possible = np.isfinite(np.column_stack([self.table, self.beyond]))
        return np.asarray(possible.argmax(1) + 1, np.int64)


@dataclass(frozen=True, eq=False)
class Windows:
    """When each node may be: after how many frames, at least and at most; nowhere, where the last
    moment is the one before the first."""

    first: Ints  # (nodes,)
    last: Ints  # (nodes,)

    @classmethod
    def whole(cls, nodes: int, frames: int) -> Windows:
        """Whenever it likes."""
        return cls(np.zeros(nodes, np.int64), np.full(nodes, frames, np.int64))


@dataclass(frozen=True, eq=False)
class Path:
    """The arcs on the best path that take time, in order, and their frames.

    Attributes:
        arcs: (K,).
        starts: (K + 1,) the first frame of each; the last number is that of all frames.
        score: of the path.
    """

    arcs: Ints
    starts: Ints
    score: float


def best_path(
    graph: Graph, scores: Floats, durations: Durations, windows: Windows, skip: float = 0.0
) -> Path | None:
    """The path of the highest score from edge to edge; None where there is none.

    Args:
        scores: (V, T + 1) of each unit in the first 0..T frames, summed.
        windows: what is outside of them is not looked at; node 0 is at 0, the last one at T.
        skip: the score of an arc of NOTHING.
    """
    frames = scores.shape[1] - 1
    nodes: list[Floats | None] = [None] * graph.nodes
    lasting: list[npt.NDArray[np.int32] | None] = []
    leaving = np.bincount(graph.source, minlength=graph.nodes)
    arriving: list[list[int]] = [[] for _ in range(graph.nodes)]
    chosen: dict[int, npt.NDArray[np.int8]] = {}
    first, last = windows.first.tolist(), windows.last.tolist()
    if first[0] > 0 or last[-1] < frames:
        return None
    nodes[0] = np.zeros(1)
    for arc, (source, target, unit) in enumerate(
        zip(graph.source.tolist(), graph.target.tolist(), graph.unit.tolist(), strict=True)
    ):
        there = nodes[source]
        if there is None:
            raise ValueError("an arc that leaves a node before all that lead to it")
        spans = first[source], first[target], last[target]
        if unit == NOTHING:
            reached, long = _moved(there, *spans) + skip, None
        else:
            line = scores[unit]
            reached, long = _lasting(there, *spans, line, durations, unit)
        lasting.append(long)
        others = nodes[target]
        if others is None:
            nodes[target] = reached
        else:
            place = len(arriving[target])
            which = chosen.setdefault(target, np.zeros(len(others), np.int8))
            which[reached > others] = place
            np.maximum(others, reached, out=others)
        arriving[target].append(arc)
        leaving[source] -= 1
        if not leaving[source]:
            nodes[source] = None
    if (end := nodes[-1]) is None:
        raise ValueError("no arc leads to the end")
    score = float(end[frames - first[-1]])
    if score == -np.inf:
        return None
    return _traced(graph, frames, score, first, arriving, chosen, lasting)


def _moved(there: Floats, begin: int, first: int, last: int) -> Floats:
    """(last - first + 1,) of the moments first..last, from those that begin at `begin`."""
    moved = np.full(last - first + 1, -np.inf)
    start, stop = max(begin, first), min(begin + len(there) - 1, last) + 1
    if start < stop:
        moved[start - first : stop - first] = there[start - begin : stop - begin]
    return moved


def _lasting(
    there: Floats,
    begin: int,
    first: int,
    last: int,
    line: Floats,
    durations: Durations,
    unit: int,
) -> tuple[Floats, npt.NDArray[np.int32]]:
    """The scores of the moments first..last behind a unit, and how many frames it takes there.

    Args:
        there: scores at the source, of the moments from `begin` on.
        line: (T + 1,) summed scores of the unit.
    """
    if not len(there) or last < first:
        return np.full(last - first + 1, -np.inf), np.zeros(last - first + 1, np.int32)
    table = durations.table[unit]
    reach = len(table)
    came = there - line[begin : begin + len(there)]
    # Row t of the windows holds the moments t - D .. t - 1: durations D .. 1.
    padded = _moved(came, begin, first - reach, last - 1)
    step = padded.strides[0]
    sums = as_strided(padded, (last - first + 1, reach), (step, step)) + table[::-1]
    best = sums.argmax(1)
    rows = np.arange(len(sums))
    reached = sums[rows, best]
    frames = (reach - best).astype(np.int32)
    # Beyond D: the best moment up to t - D - 1, each worth less by every frame since.
    if (latest := last - reach - 1) >= begin:
        count = min(latest - begin + 1, len(came))
        stay = durations.stay[unit]
        moments = np.arange(begin, begin + count)
        worth = came[:count] - stay * moments
        highest = np.maximum.accumulate(worth)
        when = np.maximum.accumulate(np.where(worth >= highest, moments, begin))
        behind = np.arange(max(first, begin + reach + 1), last + 1)
        if len(behind):
            place = np.minimum(behind - reach - 1 - begin, count - 1)
            longer = highest[place] + durations.beyond[unit] + stay * (behind - reach - 1)
            where = slice(behind[0] - first, None)
            better = longer > reached[where]
            reached[where] = np.where(better, longer, reached[where])
            frames[where] = np.where(better, behind - when[place], frames[where])
    reached += line[first : last + 1]
    return reached, frames


def _traced(
    graph: Graph,
    frames: int,
    score: float,
    first: list[int],
    arriving: list[list[int]],
    chosen: dict[int, npt.NDArray[np.int8]],
    lasting: list[npt.NDArray[np.int32] | None],
) -> Path:
    node, moment = graph.nodes - 1, frames
    arcs, starts = [], [frames]
    while node:
        place = moment - first[node]
        which = int(chosen[node][place]) if node in chosen else 0
        arc = arriving[node][which]
        if (long := lasting[arc]) is not None:
            moment -= int(long[place])
            arcs.append(arc)
            starts.append(moment)
        node = int(graph.source[arc])
    return Path(np.array(arcs[::-1], np.int64), np.array(starts[::-1], np.int64), score)
