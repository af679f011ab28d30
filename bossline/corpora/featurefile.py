"""Feature files: one array a file, .npy or .pt."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.corpora.ptfile import DamagedFile, read_tensor


def read_npy(path: Path) -> npt.NDArray[Any]:
    """
    Raises:
        DamagedFile: unreadable, truncated, or holding pickled objects.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DamagedFile(f"cannot be read: {error.strerror or error}") from error
    try:
        array: npt.NDArray[Any] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # a damaged header fails in many ways
        objects = "Object arrays" in str(error)
        raise DamagedFile(
            "holds pickled objects; they were not run" if objects else "truncated or no .npy array"
        ) from error
    return array


READERS_BY_SUFFIX = {".npy": read_npy, ".pt": read_tensor}
