"""When phones begin, between frames: where one becomes likelier than the one before."""

from __future__ import annotations

import numpy as np

from bossline.data.features.spec import FeatureSpec
from bossline.tasks.smoothing.arrays import Floats, Ints

_LEAST_SECONDS = 0.001  # that a phone lasts


def edge_times(scores: Floats, units: Ints, starts: Ints, spec: FeatureSpec, bias: float) -> Floats:
    """(K + 1,) seconds at which K neighbours begin, and the last one ends.

    An edge of the path lies between two frames, half-way between their centres. Where the unit
    before wins in the one frame and the unit behind in the other, the difference of their scores
    crosses zero between the centres, and there the edge is put. Outer edges stay.

    Args:
        scores: (V, T) of units in frames.
        units: (K,).
        starts: (K + 1,) first frames, and the number of all.
        bias: seconds by which inner edges are late.
    """
    edges = spec.frame_edges(scores.shape[1])[starts]
    inner = starts[1:-1]
    before, behind = units[:-1], units[1:]
    last = scores[before, inner - 1] - scores[behind, inner - 1]
    first = scores[before, inner] - scores[behind, inner]
    crosses = (last > 0) & (first < 0)
    share = np.where(crosses, last / np.where(crosses, last - first, 1.0), 0.5)
    edges[1:-1] += (share - 0.5) * spec.hop_ms / 1000 - bias
    return in_order(edges)


def in_order(edges: Floats) -> Floats:
    """The same, moved so that each lies at least a millisecond behind the one before.

    Args:
        edges: (K + 1,), of which the first and the last stay; at least K ms apart.
    """
    steps = _LEAST_SECONDS * np.arange(len(edges))
    rising = np.maximum.accumulate(edges - steps)
    return np.asarray(np.minimum(rising, edges[-1] - steps[-1]) + steps)
