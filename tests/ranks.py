"""Processes that train together, as torchrun starts them, for tests."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import torch

from bossline.core import watch

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["bossline.api", "bossline.reports.page"])  # imported once for all

Job = Callable[..., object]


def started(world: int, job: Job, *arguments: Any) -> list[ForkServerProcess]:
    """So many processes; what rank R says to people is in said-R."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    several = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "WORLD_SIZE": str(world)}
    processes = []
    for rank in range(world):
        own = {"RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"}
        inherited = {"BOSSLINE_HOME": os.environ["BOSSLINE_HOME"]}
        told = {**inherited, **several, **own} if world > 1 else inherited
        process = _server.Process(target=_begin, args=(told, Path.cwd(), rank, job, arguments))
        process.start()
        processes.append(process)
    return processes


def _begin(told: dict[str, str], folder: Path, rank: int, job: Job, arguments: Any) -> None:
    os.environ.update(told)
    os.chdir(folder)
    torch.set_num_threads(1)
    watch._GRACE_SECONDS = 2.0  # tests have none to spare
    said = os.open(f"said-{rank}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    job(*arguments)


def ended(processes: Sequence[ForkServerProcess], within: float = 120) -> list[int | None]:
    """Their exit codes, once all have ended."""
    deadline = time.monotonic() + within
    for process in processes:
        process.join(max(deadline - time.monotonic(), 0))
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
        process.join()
    return codes


def said(world: int) -> str:
    """What all of them said."""
    return "".join(Path(f"said-{rank}").read_text() for rank in range(world))


# What a process does.


def bossline(*arguments: str) -> None:
    """A verb of the command line."""
    from bossline.cli import main

    sys.argv = ["bossline", *arguments]
    main()


def with_full_disk(limit: int, *arguments: str) -> None:
    """The same, but rank 0 may write no file beyond a limit: as on a full disk, by another name."""
    import resource

    if os.environ["RANK"] == "0":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    bossline(*arguments)


def with_own_seed(*arguments: str) -> None:
    """The same, but every rank is told another seed."""
    bossline(*arguments, f"seed={os.environ['RANK']}")


def _in_float64() -> None:
    """Throughout, so that sums in another order are as good as equal."""
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]


def exactly(*arguments: str) -> None:
    """A verb in float64."""
    _in_float64()
    bossline(*arguments)


def slowly(*arguments: str) -> None:
    """The same with a checkpoint at every step, and steps that take a while."""
    from bossline.training import loop
    from bossline.training.contract import StepLoss
    from bossline.training.tally import Tally

    loop.train.__defaults__ = (loop.Cadence(checkpoint_seconds=0, bar_seconds=0), None)
    add = Tally.add

    def add_and_rest(self: Tally, loss: StepLoss) -> None:
        add(self, loss)
        time.sleep(0.03)

    Tally.add = add_and_rest  # type: ignore[method-assign]
    exactly(*arguments)


def all_exactly(trainings: dict[str, Sequence[str]]) -> None:
    """Trainings in float64 one after the other, by the folders of their runs."""
    from bossline import api

    _in_float64()
    for run, (recipe, corpus, *overrides) in trainings.items():
        api.train(recipe, corpus, overrides, run=run, device="cpu", threads=1)
