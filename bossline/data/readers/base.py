"""What a reader is, what it tells about a source, and the text tables that sources have."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from unicodedata import category

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError, printable
from bossline.core.reading import check_file, read_text, reason, within_memory
from bossline.data import labels as label_text
from bossline.data.features.spec import Features, FeatureSpec
from bossline.data.ids import id_fault
from bossline.data.labels import leading_id, quoted
from bossline.data.timelines import Timeline

_FEW = 3
_FOLDERS = 5  # that have a line each
_SYSTEM_FILES = ("thumbs.db", "desktop.ini")  # of Windows; those of others begin with a dot


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
    labels: npt.NDArray[np.int16] | Timeline | None = None
    """(T,) of its frames, or labels over time."""
    string: npt.NDArray[np.int16] | None = None
    """(L,) symbols of what is said, 1 to V."""
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
        # What a file holds may be anything, also what no terminal and no JSON can show.
        return printable(f"{self.source}: {self.why}")


@dataclass(frozen=True)
class Listing:
    """What a source names. An item may be listed and have a problem as well."""

    features: Features
    classes: tuple[str, ...]
    items: list[Item] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    speakers: tuple[str, ...] = ()
    """Speaker 0, 1, ... of the corpus, where the source numbers them; others come behind."""
    vocabulary: tuple[str, ...] = ()
    """Symbol 1, 2, ... of strings; none where there are none."""
    passed_over: list[str] = field(default_factory=list)
    """What lies among the items and is none, a line a kind: "3 .heic files in test/"."""


@dataclass(frozen=True)
class RecordingOptions:
    """How recordings become frames, where their labels over time are, and which of them.

    Attributes:
        features: what frames are; None: as the layout has them.
        folder: that of the files, in which they lie as the recordings do; None: beside these.
        tier: its name; None: the one that holds phones.
        speaker: a pattern that is looked for in ids; its first group, or all of it, names who
            speaks. None: the folder of the recording does.
    """

    features: FeatureSpec | None = None
    folder: Path | None = None
    tier: str | None = None
    speaker: re.Pattern[str] | None = None


@dataclass(frozen=True)
class TableOptions:
    """Which columns of a table are no plain ones.

    Attributes:
        target: that which is to be foretold.
        id: that which names rows; None: one called id, else rows are numbered.
    """

    target: str | None = None
    id: str | None = None


def pattern_of(text: str | None) -> re.Pattern[str] | None:
    """
    Raises:
        UserError: it is no regular expression.
    """
    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        raise UserError(f"--speaker-pattern '{text}': no regular expression: {error}") from error


class Reader(ABC):
    """Knows one layout. Stateless."""

    name: ClassVar[str]
    description: ClassVar[str]
    goes_before: ClassVar[tuple[str, ...]] = ()
    """Names of layouts of which this one is a case: where both recognise a folder, it is this."""

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

    def told(self, options: RecordingOptions) -> Reader:
        """This reader, as an import's options have it.

        Raises:
            UserError: the layout has no recordings, or no files of labels over time.
        """
        if options == RecordingOptions():
            return self
        if options.features is not None:
            raise UserError(f"--like is of recordings; a {self.name} set holds none")
        raise UserError(
            f"--alignments, --tier and --speaker-pattern are of recordings with alignments; a "
            f"{self.name} set has none"
        )

    def with_columns(self, options: TableOptions) -> Reader:
        """This reader, as an import's options have it.

        Raises:
            UserError: the layout is no table of one's own.
        """
        if options == TableOptions():
            return self
        raise UserError(f"--target and --id are of a table of your own; this is a {self.name} set")

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
    if missing := [name for name in names if not os.path.lexists(path / name)]:
        raise UserError(f"{path} is no complete {reader.name} set: it lacks {', '.join(missing)}")


def present(file: Path) -> bool:
    """Whether a file that may be absent is there.

    Raises:
        UserError: something of its name is there and cannot be read as a file.
    """
    if not os.path.lexists(file):
        return False
    try:
        check_file(file)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {reason(error)}") from error
    return True


def existing(path: Path, names: Sequence[str]) -> list[Path]:
    """Those of the named files that are there.

    Raises:
        UserError: as present.
    """
    return [path / name for name in names if present(path / name)]


def inside(folder: Path) -> list[Path]:
    """What is in a folder, in order; names that begin with a dot are not a set's own."""
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise UserError(f"{folder}: cannot be read: {reason(error)}") from error


def tree(folder: Path) -> list[Path]:
    """All that is below a folder and is no folder itself, in order; links are not followed.

    An empty folder called like a file, with a suffix, stands in that file's place and counts as it.

    Raises:
        UserError: a folder cannot be read.
    """

    found: list[Path] = []
    waiting = [folder]
    while waiting:  # os.walk recurses, and gives up a thousand folders deep
        parent = waiting.pop()
        try:
            with os.scandir(parent) as entries:
                empty = True
                for entry in entries:
                    empty = False
                    inner = entry.is_dir(follow_symlinks=False)
                    (waiting if inner else found).append(parent / entry.name)
            if empty and parent.suffix and parent != folder:
                found.append(parent)
        except OSError as error:
            raise UserError(f"{parent}: cannot be read: {reason(error)}") from error
    return sorted(found)


def passed_over(path: Path, files: Iterable[Path]) -> list[str]:
    """Files that are none of a set's, a line a suffix and folder, for Listing.passed_over.

    A suffix that is in many folders has one line. Hidden files and those that Windows leaves behind
    are not worth one.
    """
    counts = defaultdict[str, Counter[str]](Counter)
    for file in files:
        name = file.relative_to(path)
        hidden = any(part.startswith(".") for part in name.parts)
        if not hidden and name.name.lower() not in _SYSTEM_FILES:
            kind = f"{printable(file.suffix) or 'suffixless'} file"
            kind = "linked folder" if file.is_dir() else kind
            counts[kind][name.parent.as_posix()] += 1
    lines = []
    for kind, places in counts.items():
        if len(places) > _FOLDERS:
            line = f"{places.total()} {kind}s in {len(places)} folders"
            lines.append((min(places), kind, line))
            continue
        for place, count in places.items():
            where = "the folder itself" if place == "." else f"{printable(place)}/"
            lines.append((place, kind, f"{count} {kind}{'s' * (count > 1)} in {where}"))
    return [line for _, _, line in sorted(lines)]


def few(names: Sequence[str]) -> str:
    """The first of many names.

    >>> few(["a", "b", "c", "d", "e"])
    "'a', 'b', 'c' and 2 more"
    """
    first = ", ".join(quoted(name) for name in names[:_FEW])
    return f"{first} and {len(names) - _FEW} more" if len(names) > _FEW else first


def read_lines(path: Path) -> list[str]:
    """Lines of a text file without white space at their ends; the last is empty if all have ends.

    Raises:
        UserError: missing, unreadable or not UTF-8.
    """
    try:
        with within_memory(path):
            return [line.strip(" \t") for line in read_text(path).split("\n")]
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {reason(error)}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{path} line {line}: not UTF-8 text") from error


def read_names(path: Path) -> tuple[str, ...]:
    """A name a line, empty lines left out.

    Raises:
        UserError: as read_lines; no name, or one twice.
    """
    lines = read_lines(path)
    for number, line in enumerate(lines, start=1):
        if any(category(sign) == "Cc" and sign != "\t" for sign in line):
            raise UserError(f"{path} line {number}: control characters in a name")
    names = tuple(line for line in lines if line)
    if not names or len(set(names)) != len(names):
        raise UserError(f"{path}: expected a different name on each line")
    return names


@dataclass(frozen=True)
class Row:
    """One line of a table; its key apart."""

    source: str
    values: list[str]
    unfinished: bool = False
    """The last line of a file, without an end: perhaps the rest of it was lost."""


CUT = ": the file's last line has no end, is it cut short?"
"""What to add to a complaint about an unfinished line."""


def _word_fault(words: Iterable[str]) -> str | None:
    return None if "".join(words).isprintable() else "unprintable characters"


def read_table(
    folder: Path,
    file: str,
    columns: Sequence[str],
    problems: list[Problem],
    spaced: Collection[str] = (),
) -> dict[str, Row]:
    """Read a table of words whose first column is unique, in order, empty lines left out.

    Lines that do not fit are added to `problems`.

    Args:
        folder: of the file.
        file: its name.
        columns: their names.
        problems: to add to.
        spaced: ids with blanks in them, which are one word here.
    """
    rows: dict[str, Row] = {}
    lines = read_lines(folder / file)
    longest = max(map(len, spaced), default=0)
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        id = leading_id(line, spaced, longest)
        words = [id, *line[len(id) :].split()]
        source = f"{file} line {number}"
        unfinished = number == len(lines)
        if len(words) != len(columns):
            why = f"expected '{' '.join(columns)}', found {len(words)} words"
            problems.append(Problem(source, why + CUT * unfinished))
        elif fault := id_fault(id) or _word_fault(words):
            problems.append(Problem(source, f"{quoted(id)}: {fault}"))
        elif id in rows:
            why = f"{quoted(id)} a second time, first in {rows[id].source}"
            problems.append(Problem(source, why + CUT * unfinished))
        else:
            rows[id] = Row(source, words[1:], unfinished)
    return rows


def read_labels(
    folder: Path, file: str, classes: int, problems: list[Problem], spaced: Collection[str] = ()
) -> dict[str, label_text.LabelLine]:
    """Label lines by id; an id that comes twice, or is none, is added to `problems`."""
    lines: dict[str, label_text.LabelLine] = {}
    for line in label_text.read_labels(folder / file, classes, spaced):
        source = f"{file} line {line.number}"
        if fault := id_fault(line.id):
            problems.append(Problem(source, f"{quoted(line.id)}: {fault}"))
        elif line.id in lines:
            why = f"{quoted(line.id)} a second time, first in line {lines[line.id].number}"
            problems.append(Problem(source, why))
        else:
            lines[line.id] = line
    return lines
