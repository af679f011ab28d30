"""Do something in a process of its own, within limits of time and memory, and tell how it ended.

The process is forked from this one, so that torch is imported once for thousands of cases. Whoever
forks must not have used several threads of torch: OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import torch

from bossline.core.errors import UserError

Action = Callable[[], Any]
"""Gives what json can write."""

SECONDS = 20.0
MEMORY = 1 << 30
"""Bytes of address space beyond those that the process has when it is forked."""


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    how: Literal["returned", "refused", "raised", "killed", "timed out"]
    value: Any = None
    """What was returned."""
    text: str = ""
    """The message, the traceback, or what a killed process was at."""
    seconds: float = 0.0
    """Without those in which other processes had all cores."""
    peak: int = 0
    """Bytes that were resident at most, beyond those of this process."""


def run_in_child(action: Action, *, seconds: float = SECONDS, memory: int | None = MEMORY) -> Ended:
    """
    Args:
        action: what to do; whatever it changes but files is gone afterwards.
        seconds: after which it is killed; those in which other processes had all cores are not
            counted, so that a busy machine is no hang.
        memory: bytes that it may take; None does not limit it.
    """
    began = time.monotonic()
    baseline = _resident()
    reader, writer = os.pipe()
    with tempfile.TemporaryFile() as errors:
        child = os.fork()
        if not child:
            os.close(reader)
            _act(action, writer, errors.fileno(), seconds, memory)
        os.close(writer)
        answer = _read(reader, lambda: began + seconds + min(_queued(child), 20 * seconds))
        os.close(reader)
        took = max(0.0, time.monotonic() - began - _queued(child))
        if answer is None:
            os.kill(child, signal.SIGKILL)
        _, status, usage = os.wait4(child, 0)
        peak = max(0, usage.ru_maxrss * 1024 - baseline)
        errors.seek(0)
        shown = errors.read().decode(errors="replace")
    if answer is None:
        return Ended("timed out", text=shown, seconds=took, peak=peak)
    if not answer:
        return Ended("killed", text=f"{_wording(status)}\n{shown}", seconds=took, peak=peak)
    how, value, text = json.loads(answer)
    return Ended(how, value, text, took, peak)


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _queued(child: int) -> float:
    """Seconds for which a process could have run and no core was free, of all its threads: most of
    the time one waits for the other."""
    seconds = 0.0
    for file in Path(f"/proc/{child}/task").glob("*/schedstat"):
        try:
            seconds += int(file.read_text().split()[1]) / 1e9
        except (OSError, IndexError):  # a thread that has ended, or a kernel that does not count
            continue
    return seconds


def _wording(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exited with {os.waitstatus_to_exitcode(status)} and no answer"


def _read(reader: int, deadline: Callable[[], float]) -> bytes | None:
    """All that comes until the other end is closed; None when that takes too long."""
    pieces: list[bytes] = []
    while (left := deadline() - time.monotonic()) > 0:
        if not select.select([reader], [], [], left)[0]:
            continue
        piece = os.read(reader, 1 << 16)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
    return None


def _act(action: Action, writer: int, errors: int, seconds: float, memory: int | None) -> NoReturn:
    """The forked process, which never returns to whatever called this one."""
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1):
            os.dup2(nothing, stream)
        os.dup2(errors, 2)
        faulthandler.enable(errors)
        faulthandler.dump_traceback_later(max(seconds - 0.5, 0.1), repeat=True, file=errors)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if memory is not None:
            size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (size + memory, resource.RLIM_INFINITY))
        torch.set_num_threads(1)  # its pool did not survive the fork
        answer = _answer(action)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        left = memoryview(answer)
        while left:
            left = left[os.write(writer, left) :]
        os._exit(0)
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    os._exit(70)


def _answer(action: Action) -> bytes:
    try:
        value: Any = action()
        return json.dumps(("returned", value, "")).encode()
    except UserError as error:
        return json.dumps(("refused", None, str(error))).encode()
    except BaseException:
        return json.dumps(("raised", None, traceback.format_exc(limit=-12))).encode()
