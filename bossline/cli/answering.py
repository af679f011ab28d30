"""Verbs that answer for many inputs: every one is accounted for, and nothing is half-written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import typer

from bossline.cli.options import say
from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.progress import Bar, bar
from bossline.core.terminal import terminal

if TYPE_CHECKING:
    from bossline.runs.phones_out import PhoneFiles


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


class There:
    """Passes by what a folder has a file of already, and counts it."""

    def __init__(self, files: PhoneFiles) -> None:
        self._files, self.count = files, 0

    def __call__(self, id: str) -> bool:
        held = self._files.holds(id)
        self.count += held
        return held

    def said(self, written: int) -> str:
        """What became of a folder, in a line."""
        kept = f", {self.count:,} there already" if self.count else ""
        return f"{self._files}: {counted(written, 'recording')}{kept}"


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
    a file or folder without a run, the model that comes with bossline answers.

    Raises:
        UserError: no input is left.
    """
    from bossline.runs.folders import DEFAULT, holds_run
    from bossline.runs.loaded import ASKABLE
    from bossline.training.contents import RECIPE

    begun = (Path(words[0]) / RECIPE).exists()
    if os.path.lexists(words[0]) and not begun and not holds_run(words[0]):
        return [Path(DEFAULT)], list(words)
    count = 1
    while count < len(words) and words[count] not in ASKABLE and holds_run(words[count]):
        count += 1
    if count == len(words):
        raise UserError(
            "give a run and what it is to answer for: files, folders, or one of "
            f"{', '.join(ASKABLE)}"
        )
    return [Path(word) for word in words[:count]], list(words[count:])
