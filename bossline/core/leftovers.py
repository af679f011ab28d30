"""What is being written, and what a killed process has left half-written.

Whoever writes a file or folder holds a lock on it, which the system lets go with the process. So
what can be locked belongs to nobody, and what is in work is never swept. Where there are no such
locks, as on Windows and some network disks, nothing is swept.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_SUFFIX, _ASIDE = ".part", ".aside"
# As tempfile names what is written, and what it is to replace.
_LEFT = re.compile(r"\.(?P<name>.+)\.[a-z0-9_]{8}\.(part|aside)")


@contextmanager
def part_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path` that nobody sweeps; what is left of it in the end is removed.

    Raises:
        OSError: it cannot be made.
    """

    def make() -> Path:
        return Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=_SUFFIX, dir=path.parent))

    with _kept(make) as folder:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def part_file(path: Path) -> Iterator[Path]:
    """An empty file beside `path`, as `part_folder`; to be written in place.

    What killed processes left of it before is swept.

    Raises:
        OSError: it cannot be made.
    """

    def make() -> Path:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_SUFFIX, dir=path.parent)
        os.close(handle)
        return Path(name)

    sweep(path.parent, files=True, of=path.name)
    with _kept(make) as file:
        try:
            yield file
        finally:
            file.unlink(missing_ok=True)


@contextmanager
def set_aside(path: Path, part: Path) -> Iterator[None]:
    """Make room for a new folder; the old one comes back where the block fails, else it goes.

    Args:
        path: where the old one is, if there is one.
        part: the new one, as `part_folder` named it.

    Raises:
        OSError: there is something else, or it cannot be moved.
    """
    if not path.exists():
        yield
        return
    if not path.is_dir() or path.is_symlink():
        raise NotADirectoryError(errno.ENOTDIR, "no folder that could be replaced", str(path))
    aside = part.with_suffix(_ASIDE)
    with _kept(lambda: path.rename(aside)):
        try:
            yield
        except BaseException:
            if not path.exists():
                aside.rename(path)
            raise
        shutil.rmtree(aside, ignore_errors=True)


def sweep(folder: Path, *, files: bool = False, of: str | None = None) -> None:
    """Remove the folders in a folder that killed processes have left half-written.

    One that was moved aside for a new one that never came is put back.

    Args:
        files: remove files, too; for folders that are bossline's own.
        of: only those that were to get this name.
    """
    begin = "." if of is None else f".{of}."
    with os.scandir(folder) as entries:  # a folder may hold ten thousand results, and get one more
        names = [entry.name for entry in entries if entry.name.startswith(begin)]
    for name in names:
        entry, left = folder / name, _LEFT.fullmatch(name)
        if not left or entry.is_symlink() or of not in (None, left["name"]):
            continue
        if not (entry.is_dir() or (files and entry.is_file())):
            continue
        try:
            handle = _lock(entry)
        except BlockingIOError:
            continue  # it is being written
        if handle is not None:
            with suppress(OSError):  # a disk that is read-only, say
                _remove(entry, folder / left["name"])
            os.close(handle)


def _remove(entry: Path, target: Path) -> None:
    if entry.is_file():
        entry.unlink()
    elif entry.suffix == _ASIDE and not target.exists():
        entry.rename(target)
    else:
        shutil.rmtree(entry)


@contextmanager
def _kept(make: Callable[[], Path]) -> Iterator[Path]:
    """Something new, locked until the block ends."""
    while True:
        made = make()
        try:
            handle = _lock(made)
        except BlockingIOError:
            continue  # swept before it was locked
        if made.exists():
            break
        if handle is not None:
            os.close(handle)
    try:
        yield made
    finally:
        if handle is not None:
            os.close(handle)


def _lock(path: Path) -> int | None:
    """Lock a file or folder until the handle is closed; None where that cannot be done.

    Raises:
        BlockingIOError: another process has it.
    """
    if sys.platform == "win32":
        return None
    try:
        handle = os.open(path, os.O_RDONLY)
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
