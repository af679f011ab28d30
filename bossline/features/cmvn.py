"""Cepstral mean and variance normalisation of one utterance."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_GUARD = 1e-10  # a dimension that never moves becomes zeros


def cmvn(frames: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Give every dimension mean 0 and standard deviation 1 (over N-1) over the utterance.

    Args:
        frames: (T, dim), T >= 1. One frame alone becomes zeros.

    Returns:
        (T, dim).
    """
    exact = frames.astype(np.float64)
    centred = exact - exact.mean(axis=0)
    deviation = np.sqrt((centred**2).sum(axis=0) / max(len(frames) - 1, 1))
    return np.asarray(centred / (deviation + _GUARD), np.float32)
