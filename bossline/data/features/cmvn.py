"""Cepstral mean and variance normalisation of one utterance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

_GUARD = 1e-10  # a dimension that never moves becomes zeros
_STRETCH = 1 << 16  # frames in double precision at a time

Exact = npt.NDArray[np.float64]


def cmvn(frames: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Give every dimension mean 0 and standard deviation 1 (over N-1) over the utterance.

    Args:
        frames: (T, dim), T >= 1. One frame alone becomes zeros.

    Returns:
        (T, dim).
    """
    count = len(frames)
    stretches = [slice(start, start + _STRETCH) for start in range(0, count, _STRETCH)]

    def total(of: Callable[[Exact], Exact]) -> Exact:
        sums = [of(frames[stretch].astype(np.float64)).sum(axis=0) for stretch in stretches]
        return np.asarray(np.sum(sums, axis=0))

    mean = total(lambda exact: exact) / count
    spread = np.sqrt(total(lambda exact: (exact - mean) ** 2) / max(count - 1, 1)) + _GUARD
    result = np.empty(frames.shape, np.float32)
    for stretch in stretches:
        result[stretch] = (frames[stretch].astype(np.float64) - mean) / spread
    return result
