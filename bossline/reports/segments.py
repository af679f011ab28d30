"""A row of classes, frame by frame, as what is said: segments."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt


def segments(row: npt.NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """Runs of equal classes: (class, first frame, frame after the last).

    >>> list(segments(np.array([7, 7, 2])))
    [(7, 0, 2), (2, 2, 3)]
    """
    edges = np.flatnonzero(np.diff(row)) + 1
    starts, stops = [0, *edges], [*edges, len(row)]
    for start, stop in zip(starts, stops, strict=True):
        yield int(row[start]), int(start), int(stop)
