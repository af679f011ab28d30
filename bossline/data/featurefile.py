"""Feature files: one array a file, .npy or .pt."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from bossline.core.archives import DamagedFile, content_of, read_tensor
from bossline.core.reading import open_file, reason


@dataclass(frozen=True)
class NpyHeader:
    """What a .npy file holds, and from which byte on."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    start: int


def npy_header(path: Path) -> NpyHeader:
    """Read a .npy file's header, and hold what it declares against the size of the file.

    Raises:
        DamagedFile: unreadable, no .npy file, holding objects or records, or longer or shorter
            than its header declares.
    """
    try:
        with open_file(path) as stream:
            header = _header(stream)
            rest = os.fstat(stream.fileno()).st_size - header.start
    except OSError as error:
        raise DamagedFile(f"cannot be read: {reason(error)}") from error
    declared = math.prod(header.shape) * header.dtype.itemsize
    if rest != declared:
        shape = f"{header.dtype} {header.shape}"
        what = "truncated" if rest < declared else "longer than it says"
        raise DamagedFile(f"{what}: {rest} bytes of numbers, but {shape} takes {declared}")
    return header


def _header(stream: BinaryIO) -> NpyHeader:
    magic = stream.read(8)
    if magic[:4] == b"PK\x03\x04":
        raise DamagedFile("an .npz archive, expected an .npy array")
    stream.seek(0)
    try:
        version = np.lib.format.read_magic(stream)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]  # 3.0 is for records with names beyond Latin-1
        # numpy itself refuses a header of more than 10,000 bytes, which Python could not parse.
        shape, fortran, dtype = read(stream)
        sound = all(type(length) is int and length >= 0 for length in shape)
    except OSError:
        raise
    except Exception as error:  # a damaged header fails in every way that Python's parser can
        raise DamagedFile("truncated or no .npy array") from error
    if dtype.hasobject:
        raise DamagedFile("holds pickled objects; they were not run")
    if not sound or not dtype.itemsize or dtype.fields is not None or dtype.subdtype is not None:
        raise DamagedFile(f"holds {dtype} {shape}, expected an array of numbers")
    return NpyHeader(shape, fortran, dtype, stream.tell())


def read_npy(path: Path) -> npt.NDArray[Any]:
    """
    Raises:
        DamagedFile: as npy_header.
    """
    header = npy_header(path)
    try:
        values = np.frombuffer(content_of(path), header.dtype, offset=header.start)
        return values.reshape(header.shape, order="F" if header.fortran else "C")
    except ValueError as error:  # more than 64 axes
        raise DamagedFile(
            f"holds {len(header.shape)} axes, expected an array of numbers"
        ) from error


READERS_BY_SUFFIX = {".npy": read_npy, ".pt": read_tensor}
"""By suffix in lower case."""
