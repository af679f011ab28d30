"""Folders that are being written, and those that a killed process has left half-written.

Whoever writes one holds a lock on the folder itself, which the system lets go with the process. So
a folder whose lock is to be had belongs to nobody, and a folder in work is never swept. Where
folders cannot be locked, as on Windows and some network disks, none is swept.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_SUFFIX = ".part"
_LEFT = re.compile(rf"\..+\.[a-z0-9_]{{8}}{re.escape(_SUFFIX)}")  # as tempfile names them


@contextmanager
def part_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path` that nobody sweeps; what is left of it in the end is removed.

    Raises:
        OSError: it cannot be made.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=_SUFFIX, dir=path.parent))
        try:
            handle = _lock(folder)
        except BlockingIOError:
            continue  # swept before it was locked
        if folder.is_dir():
            break
        if handle is not None:
            os.close(handle)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def sweep(folder: Path) -> None:
    """Remove the folders in a folder that killed processes have left half-written."""
    for entry in folder.iterdir():
        if not _LEFT.fullmatch(entry.name) or entry.is_symlink() or not entry.is_dir():
            continue
        try:
            handle = _lock(entry)
        except BlockingIOError:
            continue  # it is being written
        if handle is not None:
            shutil.rmtree(entry, ignore_errors=True)
            os.close(handle)


def _lock(folder: Path) -> int | None:
    """Lock a folder until the handle is closed; None where that cannot be done.

    Raises:
        BlockingIOError: another process has it.
    """
    if sys.platform == "win32":
        return None
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise
    except OSError:
        os.close(handle)
        return None
    return handle
