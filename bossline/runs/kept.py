"""What a scored run keeps of its test split, held against what its task says that it keeps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bossline.tasks.base import Arrays, Kept


def misfit(arrays: Arrays, keeps: Mapping[str, Kept], known: Mapping[str, int]) -> str | None:
    """What is wrong with some arrays, which one and how; None: nothing.

    Args:
        arrays: by name; some of those that are kept.
        keeps: what they should be.
        known: lengths of axes by their letters, as far as they are known beforehand.
    """
    lengths: dict[str | int, int] = {}
    lengths.update(known.items())
    for name in (name for name in keeps if name in arrays):
        array, kept = arrays[name], keeps[name]
        if array.ndim != len(kept.axes):
            return f"{name} has {array.ndim} dimensions, expected {len(kept.axes)}"
        for axis, length in zip(kept.axes, array.shape, strict=True):
            expected = axis if isinstance(axis, int) else lengths.setdefault(axis, length)
            if length != expected:
                return f"{name} has shape {array.shape}, expected {expected} where {length} are"
        if (why := _content(array, kept, lengths)) is not None:
            return f"{name} {why}"
    return None


def _content(
    array: npt.NDArray[np.generic], kept: Kept, lengths: Mapping[str | int, int]
) -> str | None:
    if array.dtype.kind not in ("f" if kept.below is None else "iu"):
        return f"is of type {array.dtype}"
    if kept.below is None:
        finite = np.isfinite(array.astype(np.float64)).all()
        return None if finite else "holds values that are not finite"
    indices = array.astype(np.int64)
    limit = lengths.get(kept.below, np.inf)
    return "holds indices out of range" if ((indices < 0) | (indices >= limit)).any() else None
