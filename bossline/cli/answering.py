"""Verbs that answer for many inputs: every one is accounted for, and nothing is half-written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import typer

from bossline.cli.options import say
from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.progress import Bar, bar
from bossline.core.terminal import terminal
from bossline.training.signals import Interrupted, StopRequest, stop_on_signal

if TYPE_CHECKING:
    from bossline.data.inputs import Input
    from bossline.runs.phones_out import PhoneFiles
    from bossline.tasks.alignment.aligned import Aligned
    from bossline.tasks.prediction import Prediction

_GOES_ON = "the same command goes on"


class Refusals:
    """Inputs that could not be answered: named at the end, and told by the exit code."""

    def __init__(self) -> None:
        self._found: list[UserError] = []

    def __call__(self, name: str, error: UserError) -> None:
        self._found.append(error)

    def end(self, answered: int) -> None:
        """
        Args:
            answered: how many inputs were.

        Raises:
            typer.Exit: with 1 where some inputs could not be answered, 2 where none could.
        """
        for error in self._found:
            say(f"error: {error}", style="red")
        if not self._found:
            return
        if answered:
            total = answered + len(self._found)
            say(f"{len(self._found):,} of {total:,} inputs could not be answered", style="red")
        raise typer.Exit(1 if answered else 2)


class Filling:
    """A folder on its way to a file for each recording, by a command that may be stopped at any
    time: given again, it goes on."""

    def __init__(self, files: PhoneFiles, made_by: dict[str, Any]) -> None:
        """
        Args:
            made_by: see `PhoneFiles.begin`.
        """
        files.begin(made_by)
        self._files = files
        self._written, self._there = 0, 0
        self._stop = StopRequest()

    def passes(self, one: Input, beside: Iterable[Path] = ()) -> bool:
        """Whether the file of an input is there already; counts it.

        Args:
            beside: what else it was made of.
        """
        held = self._files.holds(one.id, [one.path, *beside] if one.path else beside)
        self._there += held
        return held

    def write(self, made: Prediction | Aligned) -> None:
        """See `PhoneFiles.write`.

        Raises:
            Interrupted: it is written, and somebody had asked to stop.
        """
        self._files.write(made)
        self._written += 1
        self._check()

    @property
    def answered(self) -> int:
        return self._written + self._there

    def said(self) -> str:
        """What became of a folder, in a line."""
        kept = f", {self._there:,} there already" if self._there else ""
        return f"{self._files}: {counted(self._written, 'recording')}{kept}"

    @contextmanager
    def progress(self) -> Iterator[Callable[[str, int, int], None]]:
        """What the work tells its progress to.

        Raises:
            Interrupted: it was told something, and somebody had asked to stop.
        """
        with stop_on_signal(_GOES_ON) as self._stop, reading() as shown:

            def told(what: str, done: int, total: int) -> None:
                shown.set(what, done, total)
                self._check()

            yield told

    def _check(self) -> None:
        if self._stop:
            raise Interrupted(f"stopped; {self.said()}; {_GOES_ON}")


@contextmanager
def reading() -> Iterator[Bar]:
    """A bar on stderr: stdout is for the answers."""
    with bar(terminal(stderr=True), "inputs") as shown:
        yield shown


class _Told(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


def print_json(found: Sequence[_Told]) -> None:
    """One document: a list with an object for each."""
    content = [one.to_dict() for one in found]
    typer.echo(json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False))


def runs_and_inputs(words: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The first word is a run; so are those after it that are folders of runs. Where the first is
    a file or folder without a run, or named as recordings are, the model that comes with bossline
    answers.

    Raises:
        UserError: no input is left.
    """
    from bossline.data.readers.recordings import SUFFIXES
    from bossline.runs.folders import DEFAULT, holds_run
    from bossline.runs.loaded import ASKABLE
    from bossline.training.contents import RECIPE

    begun = (Path(words[0]) / RECIPE).exists()
    is_input = os.path.lexists(words[0]) or Path(words[0]).suffix.lower() in SUFFIXES
    if is_input and not begun and not holds_run(words[0]):
        return [Path(DEFAULT)], list(words)
    count = 1
    while count < len(words) and words[count] not in ASKABLE and holds_run(words[count]):
        count += 1
    if count == len(words):
        if not holds_run(words[0]):
            raise UserError(
                f"{words[0]}: no such file or folder, and no run of this name; give a recording, "
                "or a run and recordings"
            )
        raise UserError(
            "give a run and what it is to answer for: files, folders, or one of "
            f"{', '.join(ASKABLE)}"
        )
    return [Path(word) for word in words[:count]], list(words[count:])
