"""Where a training tells how it goes: metrics.jsonl, log.txt, TensorBoard and the terminal."""

from __future__ import annotations

import json
import os
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from bossline.training.run import Run


class _Events(Protocol):
    def add_scalar(self, tag: str, value: float, step: int) -> None: ...
    def close(self) -> None: ...


class Journal:
    """Open while a run trains.

    metrics.jsonl is the source of truth; it is cut back to the checkpoint's length on resume, so
    no record stands twice.
    """

    def __init__(
        self,
        run: Run,
        *,
        metrics_bytes: int,
        step: int,
        total_steps: int,
        unit: str,
        console: Console,
    ) -> None:
        """
        Args:
            run: where the files go.
            metrics_bytes: length of metrics.jsonl to go on from.
            step: optimiser steps already done.
            total_steps: optimiser steps in all.
            unit: what a rate counts.
            console: where people look.
        """
        self._unit = unit
        path = run.path / "metrics.jsonl"
        self._metrics = path.open("r+b" if path.exists() else "w+b")
        self._metrics.truncate(metrics_bytes)
        self._metrics.seek(metrics_bytes)
        self._log = (run.path / "log.txt").open("a", encoding="utf-8")
        self._events = _open_events(run, step)
        self._console = console
        self._live = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._bar = self._live.add_task("training", total=total_steps, completed=step, rate="")

    def __enter__(self) -> Journal:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()
        self._metrics.close()
        self._log.close()
        if self._events is not None:
            self._events.close()

    def say(self, text: str) -> None:
        """One line for people, in the terminal and in log.txt."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)
        self._log.write(f"{datetime.now().isoformat(timespec='seconds')} {text}\n")
        self._log.flush()

    def advance(self, step: int, description: str, rate: float) -> None:
        """Move the progress bar."""
        shown = f"{rate:,.0f} {self._unit}/s" if rate else ""
        self._live.update(self._bar, completed=step, description=description, rate=shown)

    def record(self, record: dict[str, Any]) -> None:
        """Append one record to metrics.jsonl and TensorBoard."""
        self._metrics.write(json.dumps(record, allow_nan=False).encode() + b"\n")
        self._metrics.flush()
        if self._events is not None:
            for key, value in record.items():
                if key not in ("kind", "step", "epoch", "best"):
                    self._events.add_scalar(f"{record['kind']}/{key}", value, record["step"])

    def flushed_bytes(self) -> int:
        """Force metrics.jsonl to the disk and return its length, for the checkpoint."""
        os.fsync(self._metrics.fileno())
        return self._metrics.tell()


def _open_events(run: Run, step: int) -> _Events | None:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    # purge_step hides what an interrupted run wrote after its last checkpoint.
    events: _Events = SummaryWriter(str(run.path / "tensorboard"), purge_step=step + 1)
    return events
