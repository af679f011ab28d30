"""Embeddings as a file: one safetensors, with text in its metadata that says whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from bossline.corpora.ptfile import DamagedFile
from bossline.files import write_bytes
from bossline.reading import check_file, reason

Vectors = npt.NDArray[np.float32]

_TENSOR = "embeddings"
_ROUNDING = 1e-3


def write_vectors(path: Path, vectors: Vectors, metadata: Mapping[str, str]) -> None:
    """Replace a file of embeddings (U, D) as a whole.

    Raises:
        UserError: the disk is unwilling.
    """
    write_bytes(path, save({_TENSOR: np.ascontiguousarray(vectors)}, metadata=dict(metadata)))


def read_vectors(path: Path) -> tuple[Vectors, dict[str, str]]:
    """Embeddings (U, D) and the metadata of their file.

    Raises:
        DamagedFile: missing, unreadable, or no finite float32 embeddings.
    """
    try:
        check_file(path)
        with safe_open(path, framework="np") as content:
            metadata: dict[str, str] = content.metadata() or {}
            vectors = np.asarray(content.get_tensor(_TENSOR))
    except OSError as error:
        raise DamagedFile(f"cannot be read: {reason(error)}") from error
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DamagedFile(str(error)) from error
    if vectors.ndim != 2 or vectors.dtype != np.float32 or not np.isfinite(vectors).all():
        raise DamagedFile(f"no finite float32 embeddings, but {vectors.dtype} {vectors.shape}")
    return vectors, metadata


def are_unit(vectors: Vectors) -> bool:
    """Whether vectors (U, D) have length 1, as far as float32 goes."""
    return bool((np.abs(np.linalg.norm(vectors.astype(np.float64), axis=1) - 1) < _ROUNDING).all())
