"""Tensors in .pt files: checked before they are believed, and never run."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy.typing as npt


class DamagedFile(Exception):
    """A file that cannot be used; the message is a short phrase that says why."""


def check_archive(archive: Path | bytes) -> None:
    """Check the CRC-32 of every member of a file that torch.save wrote.

    torch.load itself does not: flipped bits come back as numbers, up to 1e38, without an error.

    Raises:
        DamagedFile: no zip archive, cut short, or a member whose checksum differs.
    """
    stream = io.BytesIO(archive) if isinstance(archive, bytes) else archive
    try:
        with zipfile.ZipFile(stream) as members:
            wrong = members.testzip()
    except Exception as error:  # damage reaches every branch of the zip and inflate code
        if isinstance(error, OSError) and error.strerror:
            raise DamagedFile(f"cannot be read: {error.strerror}") from error
        raise DamagedFile("truncated or no torch archive") from error
    if wrong is not None:
        raise DamagedFile(f"CRC-32 mismatch in {wrong.partition('/')[2] or wrong}")


def read_tensor(path: Path) -> npt.NDArray[Any]:
    """Read a .pt file that holds one tensor. bfloat16, which numpy lacks, comes back as float32.

    Raises:
        DamagedFile: unreadable, damaged, or anything but a dense tensor.
    """
    import torch

    try:
        content = path.read_bytes()
    except OSError as error:
        raise DamagedFile(f"cannot be read: {error.strerror or error}") from error
    check_archive(content)
    try:
        value = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise DamagedFile("holds a pickle that is not a tensor; it was not run") from error
    except Exception as error:  # torch raises what its unpickler stumbles over, of any type
        raise DamagedFile("holds no tensor that torch can read") from error
    if not isinstance(value, torch.Tensor):
        raise DamagedFile(f"holds a {type(value).__name__}, expected one tensor")
    if value.layout != torch.strided or value.is_quantized:
        raise DamagedFile("holds a sparse or quantized tensor, expected a dense one")
    tensor = value.detach()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
