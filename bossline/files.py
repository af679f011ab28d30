"""Writing that never leaves half a file: write beside the target, flush to disk, rename.

What is written beside a target is locked for as long as its process lives (`flock`), so that what
a killed one left behind can be told from the work of another and is swept away at once. Windows
has no such locks: nothing is swept there.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from bossline.errors import UserError
from bossline.reading import read_text, reason

if sys.platform != "win32":
    import fcntl

_PART, _ASIDE = ".part", ".aside"
# .NAME.RANDOM.part is being written, .NAME.RANDOM.aside is the folder that it is to replace.
_LEFT = re.compile(r"\.(?P<name>.+)\.[a-z0-9_]{8}\.(part|aside)")


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


def _flock(handle: int) -> bool | None:
    """Whether a lock was free, and is one's own now; None where the file system has none."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


@contextmanager
def _kept(make: Callable[[], Path]) -> Iterator[Path]:
    """Something new that nobody sweeps before the block ends or the process dies."""
    while True:
        path = make()
        if sys.platform == "win32":  # which does not rename what is open
            yield path
            return
        with suppress(FileNotFoundError):
            handle = os.open(path, os.O_RDONLY)
            if _flock(handle) is not False and path.exists():
                break
            os.close(handle)  # it was swept in the instant before it was locked
    try:
        yield path
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what killed processes left of unfinished files and folders; living ones keep theirs.

    A folder that was moved aside for a new one that never came is put back.

    Args:
        folder: of the targets; one that is bossline's own.
    """
    _sweep(folder, lambda path: path.is_file() or path.is_dir())


def _sweep(folder: Path, wanted: Callable[[Path], bool]) -> None:
    with suppress(OSError):
        for path in list(folder.iterdir()):
            left = _LEFT.fullmatch(path.name)
            if left is None or path.is_symlink() or not wanted(path):
                continue
            with suppress(OSError):  # another process was faster, or the disk is read-only
                handle = os.open(path, os.O_RDONLY)
                try:
                    if _flock(handle):
                        _remove(path, folder / left["name"])
                finally:
                    os.close(handle)


def _remove(path: Path, target: Path) -> None:
    if path.is_file():
        path.unlink()
    elif path.suffix == _ASIDE and not target.exists():
        path.rename(target)
    else:
        shutil.rmtree(path)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path; when the block ends well it becomes `path`, else it is removed.

    The block writes to the path it is given, in place.

    Raises:
        UserError: the disk is full, read-only or otherwise unwilling.
    """

    def make() -> Path:
        prefix = f".{path.name}."
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=_PART, dir=path.parent)
        os.close(handle)
        return Path(name)

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _kept(make) as temporary:
            try:
                yield temporary
                _sync(temporary)
                umask = os.umask(0)
                os.umask(umask)
                # mkstemp gives 0600; a result is as readable as any file
                temporary.chmod(0o666 & ~umask)
                os.replace(temporary, path)
                _sync(path.parent)
            finally:
                temporary.unlink(missing_ok=True)
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
        with _aside(path, temporary.with_suffix(_ASIDE)):
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


@contextmanager
def _aside(path: Path, aside: Path) -> Iterator[None]:
    """Make room for a new folder; the old one comes back where the block fails, else it goes."""
    if not path.exists():
        yield
        return
    if not path.is_dir() or path.is_symlink():
        raise NotADirectoryError(errno.ENOTDIR, "no folder that could be replaced", str(path))

    def move() -> Path:
        return path.rename(aside)

    with _kept(move):
        try:
            yield
        except BaseException:
            if not path.exists():
                aside.rename(path)
            raise
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    def make() -> Path:
        return Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=_PART, dir=path.parent))

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent, Path.is_dir)
        with _kept(make) as temporary:
            try:
                yield temporary
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
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
        return json.loads(read_text(path))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {reason(error)}") from error
    except RecursionError as error:
        raise UserError(f"{path}: not readable as JSON (nested too deeply)") from error
    except ValueError as error:  # no UTF-8, no JSON, or a number of thousands of digits
        raise UserError(f"{path}: not readable as JSON ({error})") from error
