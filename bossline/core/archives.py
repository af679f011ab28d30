"""Tensors in .pt files: checked before they are believed, and never run."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy.typing as npt

from bossline.core.reading import open_file, read_bytes, reason

_IS_FOLDER = 0x10  # of a member's attributes; torch then reads nothing, and memory is what it was


class DamagedFile(Exception):
    """A file that cannot be used; the message is a short phrase that says why."""


def content_of(path: Path) -> bytes:
    """All of a file.

    Raises:
        DamagedFile: missing, unreadable, or larger than the memory.
    """
    try:
        return read_bytes(path)
    except OSError as error:
        raise DamagedFile(f"cannot be read: {reason(error)}") from error


def check_archive(archive: Path | bytes) -> None:
    """Check the CRC-32 of every member of a file that torch.save wrote.

    torch.load itself does not: flipped bits come back as numbers, up to 1e38, without an error.
    Members must be stored as they are, as torch.save stores them, or a kilobyte of them could
    unfold into gigabytes.

    Raises:
        DamagedFile: no zip archive, cut short, compressed, or a member whose checksum differs.
    """
    try:
        opened = io.BytesIO(archive) if isinstance(archive, bytes) else open_file(archive)
        with opened as stream, zipfile.ZipFile(stream) as members:
            stored = members.infolist()
            size = stream.seek(0, io.SEEK_END)
            unfolds = sum(member.file_size for member in stored) > size
            unfolds |= any(member.compress_type != zipfile.ZIP_STORED for member in stored)
            folders = any(member.external_attr & _IS_FOLDER for member in stored)
            wrong = None if unfolds else members.testzip()
    except Exception as error:  # damage reaches every branch of the zip and inflate code
        if isinstance(error, OSError) and error.strerror:
            raise DamagedFile(f"cannot be read: {reason(error)}") from error
        raise DamagedFile("truncated or no torch archive") from error
    if unfolds:
        raise DamagedFile("a compressed archive, expected one as torch.save writes it")
    if folders:
        raise DamagedFile("a member is marked as a folder, expected an archive by torch.save")
    if wrong is not None:
        raise DamagedFile(f"CRC-32 mismatch in {wrong.partition('/')[2] or wrong}")


def read_tensor(path: Path) -> npt.NDArray[Any]:
    """Read a .pt file that holds one tensor. bfloat16, which numpy lacks, comes back as float32.

    Raises:
        DamagedFile: unreadable, damaged, or anything but a dense tensor whose every number is in
            the file.
    """
    import torch

    content = content_of(path)
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
    if value.device.type != "cpu":
        raise DamagedFile(f"holds a tensor of device {value.device.type}, which has no numbers")
    if value.numel() * value.itemsize > min(value.untyped_storage().nbytes(), len(content)):
        raise DamagedFile(
            f"an expanded view, shape {tuple(value.shape)}, of fewer numbers: save x.contiguous()"
        )
    tensor = value.detach()
    try:
        return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    except (TypeError, RuntimeError) as error:  # float8, or a view that negates
        kind = str(tensor.dtype).removeprefix("torch.")
        raise DamagedFile(f"holds {kind} that numpy lacks: save x.float()") from error
