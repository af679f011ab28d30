"""Regression deltas: the slope of a straight line through five neighbours.

Source: Furui, "Speaker-independent isolated word recognition using dynamic features of speech
spectrum", IEEE Trans. ASSP 34 (1986), in the form of HTK and Kaldi with a window of 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError
from bossline.data.features.cmvn import cmvn

TIME = 0
COEFFICIENT = 1

_REACH = 2
_NORM = 2 * sum(k * k for k in range(1, _REACH + 1))

_STATIC = 13


def deltas(x: npt.NDArray[Any], axis: int) -> npt.NDArray[Any]:
    """The slope at each place along `axis`: sum of k * x[place + k] / 10 for k = -2..2.

    Args:
        x: (T, dim) real numbers; beyond an edge its last value is repeated.
        axis: TIME or COEFFICIENT.

    Returns:
        (T, dim), the type of `x`.
    """
    edges = [(_REACH, _REACH) if a == axis else (0, 0) for a in range(x.ndim)]
    padded = np.moveaxis(np.pad(x, edges, mode="edge"), axis, 0)
    size = x.shape[axis]
    slope = sum(
        k * (padded[_REACH + k : _REACH + k + size] - padded[_REACH - k : _REACH - k + size])
        for k in range(1, _REACH + 1)
    )
    return np.moveaxis(np.asarray(slope) / _NORM, 0, axis)


def with_deltas(static: npt.NDArray[Any], axis: int) -> npt.NDArray[Any]:
    """Append first and second deltas.

    Args:
        static: (T, dim).
        axis: TIME or COEFFICIENT.

    Returns:
        (T, 3 * dim): static, deltas, deltas of the deltas.
    """
    first = deltas(static, axis)
    return np.concatenate([static, first, deltas(first, axis)], axis=1)


def rebuild_time_deltas(features: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Replace the deltas over coefficients of the published LibriPhone files by deltas over time.

    Those files hold 13 normalised MFCC and 26 columns that follow from them. Deltas are linear and
    the normalisation is removed by the next, so the result is that of the raw MFCC.

    Args:
        features: (T, 39) as published.

    Returns:
        (T, 39): 13 MFCC, deltas and second deltas over time, CMVN.

    Raises:
        UserError: not 39 columns.
    """
    if features.ndim != 2 or features.shape[1] != 3 * _STATIC:
        raise UserError(
            f"deltas can be rebuilt from (frames, {3 * _STATIC}) features, not {features.shape}"
        )
    return cmvn(with_deltas(features[:, :_STATIC].astype(np.float64), TIME))
