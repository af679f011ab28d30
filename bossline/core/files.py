"""Writing that never leaves half a file: write beside the target, flush to disk, rename."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from bossline.core.errors import UserError
from bossline.core.leftovers import part_file, part_folder, set_aside, sweep
from bossline.core.reading import as_text, read_bytes, reason, within_memory


def _sync(path: Path) -> None:
    """Flush a file's bytes, or a folder's list of names, to the disk."""
    if os.name == "nt" and path.is_dir():  # Windows cannot open a folder for flushing
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# What a full or unwilling disk raises: safetensors wraps the system's error in its own.
_DISK_ERRORS = (OSError, SafetensorError)


def _cannot_write(path: Path, error: Exception) -> UserError:
    reason = getattr(error, "strerror", None) or error
    return UserError(f"cannot write {path}: {reason}; nothing was changed")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path; when the block ends well it becomes `path`, else it is removed.

    The block writes to the path it is given, in place.

    Raises:
        UserError: the disk is full, read-only or otherwise unwilling.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part_file(path) as temporary:
            yield temporary
            _sync(temporary)
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)  # it was made 0600; a result is as readable as any file
            os.replace(temporary, path)
            _sync(path.parent)
    except _DISK_ERRORS as error:
        raise _cannot_write(path, error) from error


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder; when the block ends well it becomes `path`, else it is removed.

    An existing `path` is moved aside first and comes back where the new one cannot take its place.
    Files inside must be written by the block and are flushed here. What killed processes left
    beside `path` is swept.

    Raises:
        UserError: the disk is full, read-only or otherwise unwilling.
    """
    with _new_folder(path) as temporary:
        yield temporary
        _finish(temporary)
        with set_aside(path, temporary):
            temporary.rename(path)
            _sync(path.parent)


@contextmanager
def creating_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder; when the block ends well it becomes `path`, which is not there yet.

    Raises:
        UserError: `path` exists, or the disk is full, read-only or otherwise unwilling.
    """
    with _new_folder(path) as temporary:
        yield temporary
        _finish(temporary)
        temporary.rename(path)  # refuses a folder that has content
        _sync(path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder: no half of it is ever there, and what a kill leaves of it is swept later.

    Raises:
        UserError: the disk is read-only or otherwise unwilling.
    """
    try:
        with part_folder(path) as grave:
            path.rename(grave / path.name)
    except _DISK_ERRORS as error:
        raise _cannot_write(path, error) from error


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        with part_folder(path) as temporary:
            yield temporary
    except _DISK_ERRORS as error:
        raise _cannot_write(path, error) from error


def _finish(temporary: Path) -> None:
    for inner in sorted(temporary.rglob("*")):
        _sync(inner)
    temporary.chmod(0o755)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file as a whole."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Replace a text file as a whole."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file as a whole; NaN and infinity are refused, as JSON has none."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        UserError: missing, unreadable or not JSON.
    """
    try:
        return parse_json(read_bytes(path), str(path))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {reason(error)}") from error


def parse_json(content: bytes, where: str) -> Any:
    """What a file of JSON holds.

    Args:
        where: names the file in messages.

    Raises:
        UserError: not JSON, or larger than the memory when taken apart.
    """
    try:
        with within_memory(where):
            return json.loads(as_text(content))
    except OSError as error:
        raise UserError(f"{where}: cannot be read: {reason(error)}") from error
    except RecursionError as error:
        raise UserError(f"{where}: not readable as JSON (nested too deeply)") from error
    except ValueError as error:  # no UTF-8, no JSON, or a number of thousands of digits
        raise UserError(f"{where}: not readable as JSON ({error})") from error
