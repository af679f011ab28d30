"""When each node of a graph may be: what a search need look at.

Nodes have a band of moments by what must still be said before and behind them. Where that leaves
much, a beam narrows it: a plain Viterbi pass, forward through pairs of frames, over the first
pronunciation of each word; at each pair a contiguous stretch of phones is alive, and a node may be
whenever a phone beside it was. Work and memory then grow with the length of a recording, not with
its square.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bossline.tasks.alignment.graph import NOTHING, Graph
from bossline.tasks.alignment.search import Durations, Windows
from bossline.tasks.smoothing.arrays import Floats, Ints

BEAM = 300.0
"""What a beginning may score below the best of the same length."""

_POOL = 2  # frames
_MARGIN = 25  # frames


def possible(graph: Graph, durations: Durations, frames: int) -> Windows | None:
    """The moments from which both edges can be reached; None: the text takes more frames."""
    takes = np.where(graph.unit == NOTHING, 0, durations.shortest[graph.unit])
    first = _least(graph.source, graph.target, takes, graph.nodes, 0)
    back = _least(graph.target[::-1], graph.source[::-1], takes[::-1], graph.nodes, graph.nodes - 1)
    if first[-1] > frames:
        return None
    # A pronunciation may be too long where another one of its word is not: it is nowhere.
    return Windows(first, np.maximum(frames - back, first - 1))


def _least(source: Ints, target: Ints, takes: Ints, nodes: int, begin: int) -> Ints:
    """(nodes,) frames of the shortest way from `begin`."""
    least = [1 << 60] * nodes
    least[begin] = 0
    for one, other, frames in zip(source.tolist(), target.tolist(), takes.tolist(), strict=True):
        least[other] = min(least[other], least[one] + frames)
    return np.array(least, np.int64)


def within_beam(graph: Graph, scores: Floats, windows: Windows, beam: float) -> Windows | None:
    """Windows as far as a beam leaves them; None where it loses the end.

    Args:
        scores: (V, T) of units in frames.
        windows: in which a node may be at all.
    """
    chain = np.flatnonzero((graph.unit != NOTHING) & (graph.way == 0))
    frames = scores.shape[1]
    pool = _POOL if _POOL * len(chain) <= frames else 1
    pooled = np.add.reduceat(scores, np.arange(0, frames, pool), axis=1).T.copy()
    alive = _alive(graph.unit[chain], graph.word[chain] < 0, pooled, beam)
    if alive is None:
        return None
    early, late = alive[0] * pool - _MARGIN, (alive[1] + 1) * pool + _MARGIN
    # Other pronunciations of a word are where its first one is.
    words = graph.word[chain]
    of_words = words >= 0
    count = int(graph.word.max()) + 1
    begin, end = np.full(count, frames), np.zeros(count, np.int64)
    np.minimum.at(begin, words[of_words], early[of_words])
    np.maximum.at(end, words[of_words], late[of_words])
    arcs = np.flatnonzero(graph.unit != NOTHING)
    first = np.where(graph.word[arcs] >= 0, begin[graph.word[arcs]], 0)
    last = np.where(graph.word[arcs] >= 0, end[graph.word[arcs]], 0)
    place = np.searchsorted(arcs, chain)
    first[place], last[place] = early, late
    low, high = np.full(graph.nodes, frames), np.zeros(graph.nodes, np.int64)
    for nodes in (graph.source[arcs], graph.target[arcs]):
        np.minimum.at(low, nodes, first)
        np.maximum.at(high, nodes, last)
    low, high = np.maximum(low, windows.first), np.minimum(high, windows.last)
    return Windows(low, np.maximum(high, low - 1))


def _alive(
    units: Ints, optional: npt.NDArray[np.bool_], scores: Floats, beam: float
) -> tuple[Ints, Ints] | None:
    """The first and the last step (S,) at which each state of a chain is within the beam.

    Args:
        units: (S,) what each state says.
        optional: (S,) states that may be left out.
        scores: (T, V).
    """
    steps, count = len(scores), len(units)
    best = np.full(count + 2, -np.inf)  # behind two states that are none
    best[1] = 0.0
    leap = np.full(count + 2, -np.inf)
    leap[3:][optional[:-1]] = 0.0
    low, high = 2, min(4, count + 2)
    lows, highs = np.empty(steps, np.int64), np.empty(steps, np.int64)
    for t in range(steps):
        here = np.maximum(best[low:high], best[low - 1 : high - 1])
        np.maximum(here, best[low - 2 : high - 2] + leap[low:high], out=here)
        here += scores[t][units[low - 2 : high - 2]]
        kept = here > here.max() - beam
        first, beyond = int(kept.argmax()), len(kept) - int(kept[::-1].argmax())
        best[low - 2 : low + first] = -np.inf
        best[low + first : low + beyond] = here[first:beyond]
        low, high = low + first, low + beyond
        lows[t], highs[t] = low - 2, high - 2
        best[high : high + 2] = -np.inf
        high = min(high + 2, count + 2)
    ends = count - 1 - int(optional[-1])
    if highs[-1] <= ends:
        return None
    states = np.arange(count)
    early = np.searchsorted(np.maximum.accumulate(highs), states, side="right")
    lowest = np.minimum.accumulate(lows[::-1])[::-1]
    late = np.searchsorted(lowest, states, side="right") - 1
    return np.minimum(early, steps - 1), np.maximum(late, 0)
