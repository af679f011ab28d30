"""Safetensors whose bytes are at hand."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load

from bossline.core.archives import DamagedFile


def read_tensors(content: bytes) -> dict[str, npt.NDArray[Any]]:
    """
    Raises:
        DamagedFile: no safetensors, or of a type that numpy lacks.
    """
    try:
        return load(content)
    except (SafetensorError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise DamagedFile(f"no safetensors that numpy can read: {error}") from error
