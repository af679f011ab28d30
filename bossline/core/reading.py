"""Opening what somebody else wrote: regular files only, and what merely stands for a file is named.

Every file that is not bossline's own code is opened here. A FIFO would be waited for, and a device
read, for ever; a Git LFS pointer or a page of HTML under another file's name would come out of each
decoder as another riddle.
"""

from __future__ import annotations

import errno
import os
import stat
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

import numpy as np

from bossline.core.errors import UserError

_HEAD = 1024
_LFS = b"version https://git-lfs.github.com/spec/"
_HTML = (b"<!doctype html", b"<html")
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def open_file(path: Path) -> BufferedReader:
    """Open a regular file for reading, at its first byte.

    Raises:
        OSError: missing, unreadable, no regular file, or a placeholder of one; `strerror` says it
            in words for people.
    """
    stream = open(path, "rb", opener=_open_regular)  # noqa: SIM115
    try:
        if why := placeholder(stream.read(_HEAD)):
            raise OSError(errno.EINVAL, why, str(path))
        stream.seek(0)
    except BaseException:
        stream.close()
        raise
    return stream


def _open_regular(path: str, _: int) -> int:
    # Without O_NONBLOCK, opening a FIFO waits for a writer; regular files do not mind it.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags)
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
            raise OSError(errno.EINVAL, f"{kind}, expected a regular file", path)
    except BaseException:
        os.close(handle)
        raise
    return handle


def check_file(path: Path) -> None:
    """For readers that want a path and open it themselves.

    Raises:
        OSError: as open_file.
    """
    open_file(path).close()


def read_bytes(path: Path) -> bytes:
    """All of a regular file.

    Raises:
        OSError: as open_file.
    """
    with open_file(path) as stream, within_memory(path):
        return stream.read()


def read_text(path: Path) -> str:
    """All of a regular file of UTF-8 text; a byte order mark is left out, line ends are "\\n".

    Raises:
        OSError: as open_file.
        UnicodeDecodeError: not UTF-8.
    """
    content = read_bytes(path)
    with within_memory(path):
        return as_text(content)


def text_of(path: Path) -> str:
    """`read_text` of a file that somebody named.

    Raises:
        UserError: missing, unreadable or not UTF-8.
    """
    try:
        return read_text(path)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {reason(error)}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text: save it as UTF-8") from error


def as_text(content: bytes) -> str:
    """UTF-8 text as `read_text` gives it.

    Raises:
        UnicodeDecodeError: not UTF-8.
    """
    return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


@contextmanager
def within_memory(path: Path | str) -> Iterator[None]:
    """Around whatever takes a file apart: its parts are many times larger than its bytes.

    Raises:
        OSError: the block runs out of memory.
    """
    try:
        yield
    except MemoryError as error:
        let_go(error)
        raise OSError(errno.ENOMEM, "larger than the memory", str(path)) from error


def ask_for(size: int) -> None:
    """Whether so many bytes are to be had, before they are filled little by little: an interpreter
    without any memory left may not live to say so.

    Raises:
        MemoryError: they are not.
    """
    np.empty(size, np.uint8)  # memory that nothing is written to is only promised


def let_go(error: MemoryError) -> None:
    """Frees what the frames that ran out of memory hold: a message needs memory too.

    Without it the interpreter ends by a signal once in a while. That the traceback is dropped is
    not enough, for whoever called a context manager's end still has it.
    """
    traceback.clear_frames(error.__traceback__)
    error.__traceback__ = None


def placeholder(head: bytes) -> str | None:
    """What a file's first bytes show that only stands for the file, and what to do about it.

    >>> placeholder(b"<!DOCTYPE html><title>Sign in</title>")
    'a web page in place of the file: a download that wanted a login? fetch it again'
    """
    if head.startswith(_LFS):
        return "a Git LFS pointer in place of the file: run 'git lfs pull' where it was cloned"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(_HTML):
        return "a web page in place of the file: a download that wanted a login? fetch it again"
    return None


def reason(error: OSError) -> str:
    """Why a file could not be opened, in words, without its name."""
    return str(error.strerror or error)
