"""Ctrl-C and SIGTERM: once, a request that the loop grants between two steps; twice, the end."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from types import FrameType
from typing import ClassVar

from bossline.core.launch import launched

INTERRUPTED = 130  # exit code of what was stopped
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LAST_WORDS_SECONDS = 1.0  # for a terminal that takes no more
_RELAY_SECONDS = 10.0  # torchrun passes on to its processes what they may have had from elsewhere
_SHOW_CURSOR = b"\x1b[?25h"  # which a progress bar hides

_active: StopRequest | None = None  # of the block that the main thread is in


class Interrupted(Exception):
    """The training was asked to stop, and has written its checkpoint; says how to go on."""

    exit_code: ClassVar[int] = INTERRUPTED


class StopRequest:
    """True once the user has asked to stop."""

    def __init__(self) -> None:
        self._asked = False

    def __bool__(self) -> bool:
        return self._asked

    def ask(self, signum: int, frame: FrameType | None) -> None:
        if self._asked and _someone_types_python():
            raise KeyboardInterrupt  # the session and its variables stay, and the checkpoint
        self._asked = True


@contextmanager
def stop_on_signal(go_on: str) -> Iterator[StopRequest]:
    """Turn SIGINT and SIGTERM into a StopRequest while the block runs; blocks within share it.

    A second one ends the process at once, with exit code 130, even while a native call holds the
    main thread, where no handler of Python's runs. In one of several processes, one that comes
    within 10 seconds of the first is taken for the same. In an interactive session, a notebook's
    among them, it is a KeyboardInterrupt instead. Outside the main thread nothing is caught.

    Args:
        go_on: what is said at such an end, as in "the same command goes on"; that of the outermost
            block.
    """
    global _active
    if threading.current_thread() is not threading.main_thread():  # Python lets only it handle them
        yield StopRequest()
        return
    if _active is not None:
        yield _active
        return
    _active = StopRequest()
    former = {which: signal.signal(which, _active.ask) for which in _SIGNALS}
    try:
        with contextlib.nullcontext() if _someone_types_python() else _end_on_second(go_on):
            yield _active
    finally:
        for which, handler in former.items():
            signal.signal(which, handler)
        _active = None


@contextmanager
def _end_on_second(go_on: str) -> Iterator[None]:
    """A thread that counts signals: the interpreter's own handler writes each to a socket."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    former = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    watch = threading.Thread(target=_watch, args=(reader, go_on), daemon=True)
    watch.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(former)
        writer.close()
        watch.join()
        reader.close()


def _watch(reader: socket.socket, go_on: str) -> None:
    asked, first = 0, math.inf
    patience = _RELAY_SECONDS if launched().world > 1 else 0.0
    while caught := reader.recv(64):  # nothing, once the other end is closed
        new = sum(number in _SIGNALS for number in caught)
        if new and patience:  # soon after the first, or with it, another is the same once more
            first = min(first, now := time.monotonic())
            new = int(not asked or now - first > patience)
        asked += new
        if asked > 1:
            _end(go_on)


def _end(go_on: str) -> None:
    said = threading.Thread(target=_say, args=(f"\nstopped at once; {go_on}\n",), daemon=True)
    said.start()
    said.join(_LAST_WORDS_SECONDS)
    os._exit(INTERRUPTED)


def _say(text: str) -> None:
    """By bare writes: the main thread may hold the locks of Python's streams."""
    if parent_process() is not None:  # which has said it
        return
    with contextlib.suppress(OSError):
        if os.isatty(1):
            os.write(1, _SHOW_CURSOR)
    with contextlib.suppress(OSError):
        os.write(2, text.encode())


def _someone_types_python() -> bool:
    return hasattr(sys, "ps1")
