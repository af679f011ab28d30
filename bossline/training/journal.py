"""Where a training tells how it goes: metrics.jsonl, log.txt, TensorBoard and the terminal."""

from __future__ import annotations

import hashlib
import json
import os
import time
from datetime import datetime
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from bossline.core.errors import UserError
from bossline.core.progress import SILENCE_SECONDS
from bossline.core.reading import check_file, reason
from bossline.evaluation.scores import Metric
from bossline.training.contents import METRICS
from bossline.training.contract import Keeper
from bossline.training.events import EventFile
from bossline.training.metrics import read_records


class Journal:
    """Open while a run trains.

    metrics.jsonl is the source of truth; it is cut back to the checkpoint's length on resume, so
    no record stands twice.
    """

    def __init__(
        self,
        keeper: Keeper,
        *,
        metric: Metric,
        metrics_bytes: int,
        metrics_sha256: str = "",
        step: int,
        total_steps: int,
        unit: str,
        console: Console,
    ) -> None:
        """
        Args:
            keeper: where the files go.
            metric: what a score is.
            metrics_bytes: length of metrics.jsonl to go on from.
            metrics_sha256: its checksum up to there; "": unknown, as in checkpoints of earlier
                versions.
            step: optimiser steps already done.
            total_steps: optimiser steps in all.
            unit: what a rate counts.
            console: where people look.

        Raises:
            UserError: one of the files is not what the run wrote, or cannot be written.
        """
        self._unit, self._console, self._path = unit, console, keeper.path
        self._steps, self._spoke = total_steps, time.monotonic()
        content = _checked(keeper, metric, metrics_bytes, metrics_sha256)
        self._digest = hashlib.sha256(content)
        self._rates = [
            record["per_second"]
            for record in read_records(content, metric)
            if record["kind"] == "epoch"
        ]
        keeper.begin_again()
        path = keeper.path / METRICS
        try:
            self._metrics = path.open("r+b" if path.exists() else "w+b")
            self._metrics.truncate(metrics_bytes)
            self._metrics.seek(metrics_bytes)
            path = keeper.path / "log.txt"
            if path.exists():
                check_file(path)
            self._log = path.open("a", encoding="utf-8")
        except OSError as error:
            raise UserError(f"cannot write {path}: {reason(error)}") from error
        self._events: EventFile | None = None
        try:
            self._events = EventFile(keeper.path / "tensorboard", step)
        except ImportError:
            pass  # not installed: done without
        except OSError as error:
            self._do_without_events(error)
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

    def _do_without_events(self, error: OSError) -> None:
        """TensorBoard's files are a convenience: a training does not end for them."""
        self._events = None
        self.say(f"no more for TensorBoard: {self._path / 'tensorboard'}: {reason(error)}")

    def say(self, text: str) -> None:
        """One line for people, in the terminal and in log.txt."""
        self._spoke = time.monotonic()
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)
        self._log.write(f"{datetime.now().isoformat(timespec='seconds')} {text}\n")
        self._log.flush()

    def advance(self, step: int, description: str, rate: float) -> None:
        """Move the progress bar; where there is none, say something now and then."""
        shown = f"{rate:,.0f} {self._unit}/s" if rate else ""
        if self._live.disable and time.monotonic() - self._spoke >= SILENCE_SECONDS:
            self._spoke = time.monotonic()
            told = filter(None, (f"step {step:,}/{self._steps:,}", description, shown))
            self._console.print("  ".join(told), highlight=False, markup=False, soft_wrap=True)
        self._live.update(self._bar, completed=step, description=description, rate=shown)

    def record(self, record: dict[str, Any]) -> None:
        """Append one record to metrics.jsonl and TensorBoard."""
        line = json.dumps(record, allow_nan=False).encode() + b"\n"
        self._metrics.write(line)
        self._metrics.flush()
        self._digest.update(line)
        if record["kind"] == "epoch":
            self._rates.append(record["per_second"])
        if self._events is not None:
            try:
                self._events.add(record)
            except OSError as error:
                self._do_without_events(error)

    def training_rate(self) -> float | None:
        """Median over epochs, frames, utterances, images or rows a second."""
        rates = sorted(self._rates)
        return float(rates[len(rates) // 2]) if rates else None

    def flushed(self) -> tuple[int, str]:
        """Force metrics.jsonl to the disk; its length and checksum, for the checkpoint."""
        os.fsync(self._metrics.fileno())
        return self._metrics.tell(), self._digest.hexdigest()


class Unheard(Journal):
    """That of a process that neither writes nor speaks."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, text: str) -> None:
        pass

    def advance(self, step: int, description: str, rate: float) -> None:
        pass

    def record(self, record: dict[str, Any]) -> None:
        pass

    def training_rate(self) -> float | None:
        return None

    def flushed(self) -> tuple[int, str]:
        return 0, ""


def _checked(keeper: Keeper, metric: Metric, length: int, sha256: str) -> bytes:
    """What metrics.jsonl holds of the steps before the checkpoint.

    Raises:
        UserError: it is shorter or another; before a step is trained.
    """
    try:
        content = keeper.read(METRICS)[:length] if length else b""
    except FileNotFoundError:
        content = b""
    if len(content) < length:
        raise _not_as_written(keeper, f"it holds {len(content):,} of {length:,} bytes")
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise _not_as_written(keeper, "it is not what the run wrote")
    try:
        read_records(content, metric)
    except ValueError as error:
        raise _not_as_written(keeper, str(error)) from error
    return content


def _not_as_written(keeper: Keeper, why: str) -> UserError:
    return UserError(
        f"{keeper.path / METRICS} is damaged: {why}, and the run cannot go on from it; bring back "
        "a copy, or start the run again"
    )
