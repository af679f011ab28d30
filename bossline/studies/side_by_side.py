"""Many runs trained in one process, or in several next to each other."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

import torch
from rich.console import Console

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.memory import keep_freed_memory
from bossline.recipes import Recipe
from bossline.studies.kept import THE_SAME_COMMAND, reach
from bossline.training.signals import Interrupted, StopRequest, stop_on_signal

_POLL_SECONDS = 0.2
_ORPHAN_SECONDS = 60.0  # to write a checkpoint; then a process whose parent is gone is ended
_spawning = get_context("spawn")  # a forked process could not use a GPU

Report = Callable[[int, str | None], None]
"""Told of every run that has ended: which, and what went wrong, if anything."""


@dataclass(frozen=True)
class Workplace:
    """Where runs are kept and what they are trained on; sent to each process."""

    corpus: str
    folder: Path
    device: str
    threads: int | None

    def train(self, recipe: Recipe) -> str | None:
        """Reach a run; says what went wrong.

        Raises:
            Interrupted: asked to stop; the checkpoint is written.
        """
        try:
            reach(
                recipe,
                self.corpus,
                self.folder,
                device=self.device,
                threads=self.threads,
                console=Console(quiet=True),
            )
        except UserError as error:
            return str(error)
        return None


def threads_of(jobs: int) -> int | None:
    """CPU threads of each of several processes, so that together they use every core once."""
    return None if jobs == 1 else max(1, torch.get_num_threads() // jobs)


def train_all(recipes: Sequence[Recipe], place: Workplace, jobs: int, report: Report) -> None:
    """Reach every run; one that fails does not keep the others from it.

    Args:
        jobs: processes; with 1 all is done in this one.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; checkpoints are written, the same call goes on.
    """
    with stop_on_signal(THE_SAME_COMMAND) as stop:
        if min(jobs, len(recipes)) > 1:
            _side_by_side(recipes, place, jobs, report, stop)
        else:
            _one_by_one(recipes, place, report, stop)


def _one_by_one(
    recipes: Sequence[Recipe], place: Workplace, report: Report, stop: StopRequest
) -> None:
    for number, recipe in enumerate(recipes):
        if stop:
            raise Interrupted("stopped between two runs")
        report(number, place.train(recipe))


def _side_by_side(
    recipes: Sequence[Recipe], place: Workplace, jobs: int, report: Report, stop: StopRequest
) -> None:
    waiting = deque(range(len(recipes)))
    workers: dict[Connection, SpawnProcess] = {}
    at: dict[Connection, int] = {}  # which run each works at

    def next_run(pipe: Connection) -> None:
        if waiting:
            at[pipe] = waiting.popleft()
            pipe.send(recipes[at[pipe]])

    def start() -> None:
        pipe, worker = _started(place)
        workers[pipe] = worker
        next_run(pipe)

    try:
        for _ in range(min(jobs, len(recipes))):
            start()
        while at:
            for ready in wait(list(at), timeout=_POLL_SECONDS):
                assert isinstance(ready, Connection)
                number = at.pop(ready)
                try:
                    failure = ready.recv()
                    next_run(ready)
                except (EOFError, OSError):
                    worker = workers.pop(ready)
                    worker.join()
                    failure = f"its process ended with exit code {worker.exitcode}"
                    if waiting and not stop:
                        start()
                if not stop:
                    report(number, failure)
            if stop:
                raise Interrupted(f"stopped {counted(len(at), 'process')}")
    finally:
        for worker in workers.values():
            worker.terminate()  # SIGTERM: a training writes its checkpoint first
        for worker in workers.values():
            worker.join()


def _started(place: Workplace) -> tuple[Connection, SpawnProcess]:
    here, there = _spawning.Pipe()
    worker = _spawning.Process(target=_work, args=(there, place), daemon=True)
    worker.start()
    there.close()  # so that the end of the process is the end of the pipe
    return here, worker


def _work(pipe: Connection, place: Workplace) -> None:
    """A process of its own: train what comes through the pipe until asked to stop."""
    keep_freed_memory()
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C reaches the parent only, which asks each process once
    threading.Thread(target=_stop_with_the_parent, daemon=True).start()
    with contextlib.suppress(Interrupted):
        while True:
            pipe.send(place.train(pipe.recv()))


def _stop_with_the_parent() -> None:
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_ORPHAN_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)  # a native call may hold it
