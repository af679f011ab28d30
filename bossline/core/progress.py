"""A progress bar with rate and time left, for work that is counted in items."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from time import monotonic

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from bossline.core.language import tr

SILENCE_SECONDS = 30.0
"""After which a work whose progress nobody sees says a line."""


class _Rate(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} {self._unit}/s" if speed else "")


class Bar:
    """What the work tells its progress to."""

    def __init__(self, progress: Progress, unit: str, total: int | None) -> None:
        self._progress, self._unit = progress, unit
        self._task = progress.add_task("working", total=total)
        self._what = "working"
        self._told = monotonic()

    def advance(self, done: float) -> None:
        """So much more is done."""
        self._progress.advance(self._task, done)
        self._tell()

    def set(self, what: str, done: int, total: int) -> None:
        """So much of `total` is done; a new `what` begins a new stage."""
        if what != self._what:
            self._what = what
            self._progress.reset(self._task, total=total, description=what)
        self._progress.update(self._task, completed=done)
        self._tell()

    def _tell(self) -> None:
        """A line once in a while, where the output is no terminal and no bar is seen."""
        if self._progress.disable and monotonic() - self._told >= SILENCE_SECONDS:
            self._told = monotonic()
            task = self._progress.tasks[0]
            of = "" if task.total is None else f" of {task.total:,.0f}"
            self._progress.console.print(f"{self._what} {task.completed:,.0f}{of} {self._unit}")


@contextmanager
def bar(console: Console, unit: str, total: int | None = None) -> Iterator[Bar]:
    """Show a bar while the block works; a line once in a while where the output is no terminal."""
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        _Rate(unit),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with progress:
        yield Bar(progress, unit, total)


@contextmanager
def waiting(console: Console, what: str) -> Iterator[None]:
    """Say what is waited for while the block works; nothing where the output is no terminal.

    A notebook is none: what moves there needs more packages, and rich warns that they are missing.
    """
    with console.status(what) if console.is_terminal else nullcontext():
        yield


def duration(seconds: float) -> str:
    """A time as people say it, in the language that is spoken.

    >>> duration(42.3), duration(372), duration(7500)
    ('42 s', '6 min 12 s', '2 h 5 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return tr("{seconds} s", seconds=rest)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return tr("{hours} h {minutes} min", hours=hours, minutes=minutes)
    return tr("{minutes} min {seconds} s", minutes=minutes, seconds=rest)
