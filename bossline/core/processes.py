"""Work in other processes of Python, where threads would wait for one another."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import parent_process
from multiprocessing.connection import wait
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any, TypeVar

from bossline.core.errors import UserError

_Argument = TypeVar("_Argument")
_Result = TypeVar("_Result")


class _Process(SpawnProcess):
    """Starts without running the parent's script again, which may have no `if __name__ == ...`."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            return SpawnProcess._Popen(process_obj)
        finally:
            sys.modules["__main__"] = main


class _Context(SpawnContext):
    Process = _Process


def _begin() -> None:
    """What each process does first: leave Ctrl-C to the parent, and end with it, also if killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "1"  # they are as many as there are cores
    threading.Thread(target=_end_with_the_parent, daemon=True).start()


def _end_with_the_parent() -> None:
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


@contextmanager
def worker_processes(count: int) -> Iterator[Executor]:
    """So many processes for functions that a module defines; what was not begun at the end is not.

    Raises:
        UserError: one of them was ended from outside.
    """
    pool = ProcessPoolExecutor(count, mp_context=_Context(), initializer=_begin)
    try:
        yield pool
    except BrokenProcessPool as error:
        raise UserError(
            "a process at work was ended from outside, most likely for want of memory"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def in_order(
    pool: Executor,
    function: Callable[[_Argument], _Result],
    arguments: Iterable[_Argument],
    ahead: int,
) -> Generator[_Result]:
    """What a function makes of each argument, in their order, worked out so many ahead.

    What was ahead when a consumer stops is let go.
    """
    pending: deque[Future[_Result]] = deque()
    try:
        for argument in arguments:
            pending.append(pool.submit(function, argument))
            if len(pending) > ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()
