"""Is what a file held an item of this corpus? Asked of every one before it is packed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.core.archives import DamagedFile
from bossline.core.counting import counted
from bossline.data.features.spec import Features, FeatureSpec
from bossline.data.ids import id_fault
from bossline.data.readers.base import Item
from bossline.data.timelines import Timeline

Values = npt.NDArray[Any]


def read_checked(item: Item, features: Features) -> tuple[Values | None, list[str]]:
    """An item's values, or None and what is wrong with them.

    Frames (T, dim) and rows (1, dim) come as float32, images (H, W, 3) as uint8.
    """
    if fault := id_fault(item.id):
        return None, [fault]
    try:
        loaded = item.load()
    except DamagedFile as damage:
        return None, [str(damage)]
    if features.kind == "image":
        return _image(loaded)
    frames, faults = _frames(loaded, item, features.dim)
    if frames is not None and isinstance(item.labels, Timeline):
        assert isinstance(features, FeatureSpec)  # what has frames
        if fault := item.labels.fault(features, len(frames)):
            return None, [fault]
    return frames, faults


def _image(loaded: Values) -> tuple[Values | None, list[str]]:
    if loaded.dtype != np.uint8 or loaded.ndim != 3 or loaded.shape[2] != 3 or not loaded.size:
        return None, [f"{loaded.dtype} {loaded.shape}, expected uint8 (height, width, 3)"]
    return loaded, []


def _frames(loaded: Values, item: Item, dim: int) -> tuple[Values | None, list[str]]:
    if loaded.dtype.kind not in "fiu":
        return None, [f"holds {loaded.dtype}, expected numbers"]
    if loaded.ndim != 2:
        return None, [
            f"shape {loaded.shape}, expected (frames, {dim}){shape_hint(loaded.shape, dim)}"
        ]
    with np.errstate(over="ignore"):  # what float32 cannot hold is reported as infinite
        # A copy: a loaded tensor may be a small view that keeps a large storage alive.
        frames = loaded.astype(np.float32)
    faults = []
    if frames.shape[1] != dim:
        hint = shape_hint(frames.shape, dim)
        faults.append(f"{frames.shape[1]} numbers per frame, expected {dim}{hint}")
    if not np.isfinite(frames).all():
        frame, column = np.argwhere(~np.isfinite(frames))[0]
        value = "NaN" if np.isnan(frames[frame, column]) else "infinity"
        faults.append(f"{value} at frame {frame}, column {column}")
    if not len(frames):
        faults.append("empty utterance")
    elif isinstance(item.labels, np.ndarray) and len(item.labels) != len(frames):
        faults.append(f"{len(item.labels)} labels for {counted(len(frames), 'frame')}")
    return (None if faults else frames), faults


def shape_hint(shape: tuple[int, ...], dim: int) -> str:
    """What to do about an array that is no (frames, dim), where it shows that; behind a complaint.

    >>> shape_hint((1, 200, 39), 39), shape_hint((200, 13), 39)
    (': a batch of one? save x[0]', '')
    """
    if len(shape) == 3 and shape[0] == 1:
        return ": a batch of one? save x[0]"
    if len(shape) == 2 and shape[0] == dim:
        return ": the other way round? save x.T"
    return ""
