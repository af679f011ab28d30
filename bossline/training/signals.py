"""Ctrl-C and SIGTERM as a request that the loop grants between two steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(Exception):
    """The training was asked to stop, and has written its checkpoint; says how to go on."""


class StopRequest:
    """True once the user has asked to stop."""

    def __init__(self) -> None:
        self._asked = False

    def __bool__(self) -> bool:
        return self._asked

    def ask(self, signum: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt  # asked twice: stop here and now, the checkpoint stays
        self._asked = True


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """Turn SIGINT and SIGTERM into a StopRequest while the block runs."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():  # Python lets only it handle them
        yield request
        return
    previous = {
        which: signal.signal(which, request.ask) for which in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield request
    finally:
        for which, handler in previous.items():
            signal.signal(which, handler)
