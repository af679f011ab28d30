"""Who of several processes has ended, and why: what waits for one that is gone waits for ever."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import NoReturn

from torch.distributed import Store  # type: ignore[attr-defined]

from bossline.core.launch import Launch

_BEAT_SECONDS = 1.0
PATIENCE_SECONDS = 40.0  # without a beat: longer than any call that keeps Python from its threads
_SUSPICION_SECONDS = 5.0  # the same once a connection broke
_GRACE_SECONDS = 5.0  # for a main thread that is about to end by itself
_FAREWELL_SECONDS = 15.0  # rank 0, which may keep the store, leaves last


class Watch(threading.Thread):
    """Tells the others that this rank lives, and ends it where one of them does no longer.

    In the store stand `beat/R` of each rank, `claims` (who comes first speaks), `failed` (rank and
    exit code) and `left` (how many have ended).
    """

    def __init__(self, launch: Launch, store: Store) -> None:
        super().__init__(daemon=True, name="ranks")
        self._rank, self._world = launch.rank, launch.world
        # A connection of its own: the main thread's may wait for long.
        self._store: Store = store.clone()  # type: ignore[attr-defined]
        self._suspicious, self._over = threading.Event(), threading.Event()
        self._seen = {rank: (b"", time.monotonic()) for rank in range(self._world)}

    def suspect(self) -> None:
        """A connection broke: somebody is gone, and waiting is vain."""
        self._suspicious.set()

    def run(self) -> None:
        number = 0
        while not self._over.wait(_BEAT_SECONDS):
            number += 1
            try:
                self._store.set(f"beat/{self._rank}", str(number))
                if self._store.check(["failed"]):
                    self._follow(int(self._store.get("failed")))
                if (gone := self._silent()) is not None:
                    self._blame(gone)
            except RuntimeError:  # the store is gone, and with it the process that kept it
                if self._over.is_set():
                    return
                _die(_gone(0) if self._rank == 1 else "", 2)

    def _silent(self) -> int | None:
        now = time.monotonic()
        patience = _SUSPICION_SECONDS if self._suspicious.is_set() else PATIENCE_SECONDS
        for rank, (known, since) in self._seen.items():
            key = f"beat/{rank}"
            beat = self._store.get(key) if self._store.check([key]) else b""
            if beat != known or beat == b"left":
                self._seen[rank] = beat, now
            elif now - since > patience:
                return rank
        return None

    def _follow(self, code: int) -> None:
        """Another has ended, and said why."""
        if not self._suspicious.is_set() and self._over.wait(_GRACE_SECONDS):
            return
        self.leave()
        _die("", code)

    def _blame(self, gone: int) -> None:
        """Another has ended without a word."""
        speaks = self.fail(2)
        self.leave(besides=1)
        _die(_gone(gone) if speaks else "", 2)

    def fail(self, code: int) -> bool:
        """Have all ranks end; whether this one is the first to ask for it, and says why."""
        first: bool = self._store.add("claims", 1) == 1
        if first:
            self._store.set("failed", str(code))
        return first

    def leave(self, besides: int = 0) -> None:
        """Be no more waited for.

        Args:
            besides: ranks that will never do so.
        """
        self._store.set(f"beat/{self._rank}", "left")
        left = self._store.add("left", 1)
        deadline = time.monotonic() + _FAREWELL_SECONDS
        while self._rank == 0 and left < self._world - besides and time.monotonic() < deadline:
            time.sleep(0.05)
            left = self._store.add("left", 0)

    def end(self) -> None:
        """No more is watched."""
        self._over.set()


def _gone(rank: int) -> str:
    return (
        f"error: rank {rank} ended without a word (killed, or its machine is gone), and with it "
        "the training: bossline train --resume RUN goes on from the last checkpoint\n"
    )


def _die(text: str, code: int) -> NoReturn:
    """At once, whatever the main thread waits for."""
    with suppress(OSError):
        os.write(2, text.encode())
    os._exit(code)
