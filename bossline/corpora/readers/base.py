"""What a reader is, what it tells about a source, and the text tables that sources have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bossline.corpora import labels as label_text
from bossline.errors import UserError
from bossline.features.spec import Features


@dataclass(frozen=True)
class Item:
    """An utterance, an image or a row of a source, not yet read."""

    id: str
    part: str
    source: str
    """The name that an error shows, within the source's folder."""
    load: Callable[[], npt.NDArray[Any]]
    """Reads frames (T, dim), a row (1, dim) or an image (H, W, 3); raises DamagedFile."""
    speaker: str | None = None
    labels: npt.NDArray[np.int16] | None = None
    """(T,) of its frames."""
    category: int | None = None
    """Class of an image."""
    target: float | None = None
    """Of a row."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with a source: with one item, else (no id) with the set as a whole."""

    source: str
    why: str
    id: str = ""
    part: str = ""

    def __str__(self) -> str:
        return f"{self.source}: {self.why}"


@dataclass(frozen=True)
class Listing:
    """What a source names. An item may be listed and have a problem as well."""

    features: Features
    classes: tuple[str, ...]
    items: list[Item] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    speakers: tuple[str, ...] = ()
    """Speaker 0, 1, ... of the corpus, where the source numbers them; others come behind."""
    passed_over: list[str] = field(default_factory=list)
    """What lies among the items and is none, a line a kind: "3 .heic files in test/"."""


class Reader(ABC):
    """Knows one layout. Stateless."""

    name: ClassVar[str]
    description: ClassVar[str]

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Whether the folder has this layout, judged by the names in it."""

    @abstractmethod
    def files(self, path: Path) -> list[Path]:
        """Every file that the corpus depends on and that is there."""

    @abstractmethod
    def scan(self, path: Path) -> Listing:
        """List the items, their labels read and their features not.

        Raises:
            UserError: a file or folder of the layout is missing or unreadable.
        """

    def at_speeds(self, path: Path, items: Sequence[Item], speeds: Sequence[float]) -> list[Item]:
        """Copies of the items at each speed.

        Raises:
            UserError: the layout holds no recordings.
        """
        raise UserError(
            f"--speed: a {self.name} set holds no recordings that could be played faster or slower"
        )


READERS: dict[str, Reader] = {}


def register(reader: type[Reader]) -> type[Reader]:
    """Make a reader known by its name."""
    READERS[reader.name] = reader()
    return reader


def require(path: Path, reader: Reader, names: Sequence[str]) -> None:
    """
    Raises:
        UserError: the folder lacks some of these files or folders; names all of them.
    """
    if missing := [name for name in names if not (path / name).exists()]:
        raise UserError(f"{path} is no complete {reader.name} set: it lacks {', '.join(missing)}")


def inside(folder: Path) -> list[Path]:
    """What is in a folder, in order; names that begin with a dot are not a set's own."""
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise UserError(f"{folder}: cannot be read: {error.strerror or error}") from error


def printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)


def existing(path: Path, names: Sequence[str]) -> list[Path]:
    """Those of the named files that are there."""
    return [path / name for name in names if (path / name).is_file()]


def read_lines(path: Path) -> list[str]:
    """Lines of a text file without white space at their ends.

    Raises:
        UserError: missing, unreadable or not UTF-8.
    """
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").split("\n")]
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text") from error


def read_names(path: Path) -> tuple[str, ...]:
    """A name a line, empty lines left out.

    Raises:
        UserError: as read_lines; no name, or one twice.
    """
    names = tuple(line for line in read_lines(path) if line)
    if not names or len(set(names)) != len(names):
        raise UserError(f"{path}: expected a different name on each line")
    return names


@dataclass(frozen=True)
class Row:
    """One line of a table; its key apart."""

    source: str
    values: list[str]


def read_table(
    folder: Path, file: str, columns: Sequence[str], problems: list[Problem]
) -> dict[str, Row]:
    """Read a table of words whose first column is unique, in order, empty lines left out.

    Lines that do not fit are added to `problems`.
    """
    rows: dict[str, Row] = {}
    for number, line in enumerate(read_lines(folder / file), start=1):
        words = line.split()
        source = f"{file} line {number}"
        if words and len(words) != len(columns):
            wanted = " ".join(columns)
            problems.append(Problem(source, f"expected '{wanted}', found {len(words)} words"))
        elif words and words[0] in rows:
            problems.append(
                Problem(source, f"'{words[0]}' a second time, first in {rows[words[0]].source}")
            )
        elif words:
            rows[words[0]] = Row(source, words[1:])
    return rows


def read_labels(
    folder: Path, file: str, classes: int, problems: list[Problem]
) -> dict[str, label_text.LabelLine]:
    """Label lines by id; an id that comes twice is added to `problems`."""
    lines: dict[str, label_text.LabelLine] = {}
    for line in label_text.read_labels(folder / file, classes):
        if line.id in lines:
            why = f"'{line.id}' a second time, first in line {lines[line.id].number}"
            problems.append(Problem(f"{file} line {line.number}", why))
        else:
            lines[line.id] = line
    return lines
