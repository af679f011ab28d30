"""What torchrun tells the processes that it starts side by side; asked before torch is there."""

from __future__ import annotations

import os
from dataclasses import dataclass

from bossline.core.errors import UserError

_TOLD = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Launch:
    """One of `world` processes; `local` counts those of this machine."""

    rank: int = 0
    world: int = 1
    local: int = 0


def launched() -> Launch:
    """
    Raises:
        UserError: one of several processes, but not started as torchrun does.
    """
    told = os.environ
    world = told.get("WORLD_SIZE", "1")
    if world == "1":
        return Launch()
    if lacking := [name for name in _TOLD if name not in told]:
        raise UserError(
            f"WORLD_SIZE={world} stands in the environment, but {', '.join(lacking)} not: start "
            "several processes with torchrun, or unset it"
        )
    try:
        return Launch(int(told["RANK"]), int(world), int(told["LOCAL_RANK"]))
    except ValueError as error:
        raise UserError(
            f"WORLD_SIZE, RANK and LOCAL_RANK are to be numbers, found {world}, {told['RANK']} "
            f"and {told['LOCAL_RANK']}: start several processes with torchrun"
        ) from error


# One message, not one a process: what all of them stumble over, one of them says.


_speaks: bool | None = None  # None: nobody has been chosen, and rank 0 does


def choose_speaker(chosen: bool) -> None:
    """Whether this process says how a training of several processes ended."""
    global _speaks
    _speaks = chosen


def speaks() -> bool:
    """Whether people are to read what this process says."""
    return os.environ.get("RANK", "0") == "0" if _speaks is None else _speaks
