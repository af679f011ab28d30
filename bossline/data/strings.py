"""Strings of symbols that are kept beside a source, as what was said in each utterance.

| what       | holds                                                                      |
| ---------- | -------------------------------------------------------------------------- |
| FILE       | `id SYMBOL SYMBOL ...`, an utterance a line: `text` of Kaldi               |
| FILE.csv   | a column `id`, and one `phones` or `label` of symbols with blanks between  |
| FOLDER     | ID.npy at any depth, each an array (L,) of text: CMU 11-785                |

An id is that of an utterance, or the last part of it: `103-1240-0000` is `103/1240/103-1240-0000`.
Boundaries and silences are left out: a string says which phones follow one another.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bossline.core.archives import DamagedFile
from bossline.core.errors import UserError, printable
from bossline.data.featurefile import read_npy
from bossline.data.ids import IdIndex, id_fault, last_part
from bossline.data.labels import MOST_CLASSES, leading_id, quoted
from bossline.data.phone_maps import PhoneMap
from bossline.data.phones import SILENCES
from bossline.data.readers.base import (
    CUT,
    Item,
    Listing,
    Problem,
    few,
    read_lines,
    read_names,
    tree,
)
from bossline.data.timelines import Timeline

_BOUNDARIES = frozenset(("<sos>", "<eos>", "[sos]", "[eos]", "<s>", "</s>"))
_COLUMNS = ("phones", "label")


def _is_silent(symbol: str) -> bool:
    return symbol in SILENCES or symbol.lower() in _BOUNDARIES


@dataclass(frozen=True)
class Line:
    """A string as a file has it."""

    source: str
    """The name that an error shows."""
    id: str
    symbols: list[str]
    unfinished: bool = False
    """The last line of a file, without an end: perhaps the rest of it was lost."""


@dataclass(frozen=True)
class StringSource:
    """What an import is told of strings and phones.

    Attributes:
        paths: files and folders of strings.
        vocabulary: a file of the symbols in their order, one a line; None: those found, sorted.
        folding: what becomes of each phone, in strings and in named classes; None: it stays.
    """

    paths: Sequence[Path] = ()
    vocabulary: Path | None = None
    folding: PhoneMap | None = None

    def files(self) -> tuple[list[str], list[Path]]:
        """Every file that strings depend on: its name within what was given, and where it is."""
        given = [*self.paths, *([] if self.vocabulary is None else [self.vocabulary])]
        found = [(path, file) for path in given for file in _files(path)]
        return [f.relative_to(path.parent).as_posix() for path, f in found], [f for _, f in found]

    def join(self, path: Path, listing: Listing) -> tuple[Listing, str]:
        """A source's listing with strings, and what the corpus' note says of them.

        What is wrong with single strings is among the listing's problems.

        Args:
            path: the source's folder.
            listing: of it.

        Raises:
            UserError: a file that cannot be read at all, no phones or too many, or a source of
                other things than utterances.
        """
        if listing.features.item != "utterance":
            raise UserError(f"{path} holds {listing.features.item}s, which have no phones")
        said = []
        if self.folding is not None:
            listing = _with_folded_classes(path, listing, self.folding, bool(self.paths))
            said.append(f"phones: {self.folding.words}")
        if self.paths:
            listing, left_out = self._with_strings(path, listing)
            names = ", ".join(printable(given.name) for given in self.paths)
            without = f", without {', '.join(sorted(left_out))}" if left_out else ""
            said.append(f"strings: {names}{without}")
        return listing, "; ".join(said)

    def _with_strings(self, path: Path, listing: Listing) -> tuple[Listing, set[str]]:
        """With a string for every item that has one, and the symbols that were left out."""
        listing = _without(path, listing, self.paths)
        items, problems = list(listing.items), listing.problems
        spaced = _spaced(items)
        lines = [line for given in self.paths for line in _read(given, spaced, problems)]
        left_out = set[str]()
        said = dict[int, list[str]]()
        matched = _matched(path, lines, listing)
        for place, line in matched.items():
            if self.folding and (unknown := self.folding.unknown(_phones(line.symbols, set()))):
                why = f"{line.id}: what are {few(unknown)}? {self.folding.words}"
                problems.append(Problem(line.source, why, items[place].id, items[place].part))
            else:
                said[place] = _phones(line.symbols, left_out, self.folding)
        names = self._names(said.values())
        number = {name: symbol for symbol, name in enumerate(names, start=1)}
        for place, phones in said.items():
            item, line = items[place], matched[place]
            if outside := list(dict.fromkeys(phone for phone in phones if phone not in number)):
                why = f"{line.id}: not in the vocabulary: {few(outside)}"
                problems.append(Problem(line.source, why, item.id, item.part))
            else:
                string = np.array([number[phone] for phone in phones], np.int16)
                items[place] = replace(item, string=string)
        return replace(listing, items=items, vocabulary=names), left_out

    def _names(self, strings: Iterable[Sequence[str]]) -> tuple[str, ...]:
        """
        Raises:
            UserError: none, or more than there are numbers for.
        """
        if self.vocabulary is not None:
            names = tuple(_phones(read_names(self.vocabulary), set()))
        else:
            names = tuple(sorted({phone for string in strings for phone in string}))
        if not 0 < len(names) <= MOST_CLASSES:
            given = ", ".join(map(str, [self.vocabulary] if self.vocabulary else self.paths))
            raise UserError(
                f"{given}: expected 1 to {MOST_CLASSES:,} different phones, found {len(names):,}"
            )
        return names


def _phones(
    symbols: Iterable[str], left_out: set[str], folding: PhoneMap | None = None
) -> list[str]:
    """Folded, without silences and boundaries, which are added to `left_out`."""
    found = []
    for symbol in symbols:
        folded = symbol if folding is None or _is_silent(symbol) else folding(symbol)
        if not _is_silent(folded):
            found.append(folded)
        elif folded:
            left_out.add(folded)
    return found


def _with_folded_classes(
    path: Path, listing: Listing, folding: PhoneMap, has_strings: bool
) -> Listing:
    """With merged classes, where they have names."""
    if all(name.isdecimal() for name in listing.classes):
        if not has_strings:
            raise UserError(f"--phones: {path} has neither strings nor classes with names")
        return listing
    classes, becomes = folding.classes(listing.classes)
    items = [
        item if item.labels is None else replace(item, labels=_become(item.labels, becomes))
        for item in listing.items
    ]
    return replace(listing, classes=classes, items=items)


def _become(
    labels: npt.NDArray[np.int16] | Timeline, becomes: npt.NDArray[np.int16]
) -> npt.NDArray[np.int16] | Timeline:
    """The labels of a line that has an error may be anything, and are used by nobody."""
    if isinstance(labels, Timeline):
        return labels.folded(becomes)
    return becomes[np.clip(labels, 0, len(becomes) - 1)]


def _without(path: Path, listing: Listing, paths: Sequence[Path]) -> Listing:
    """Where files of strings lie among a source's files of features, they are no items."""
    own = {file for given in paths if given.is_dir() for file in _files(given)}
    ids = {item.id for item in listing.items if path / item.source in own}
    items = [item for item in listing.items if item.id not in ids]
    problems = [problem for problem in listing.problems if problem.id not in ids]
    return replace(listing, items=items, problems=problems)


def _spaced(items: Sequence[Item]) -> set[str]:
    """Names of items with blanks in them."""
    return {name for item in items for name in (item.id, last_part(item.id)) if " " in name}


def _matched(path: Path, lines: Sequence[Line], listing: Listing) -> dict[int, Line]:
    """The string of each item that has one, by the item's place.

    Ids that come twice, fit nothing, or fit several, are added to the listing's problems.
    """
    index = IdIndex(item.id for item in listing.items)
    damaged = {problem.id for problem in listing.problems if problem.id}
    matched = dict[int, Line]()
    for line in lines:
        fitting = index.find(line.id)
        why = ""
        if not fitting and line.id not in damaged:
            why = f"{quoted(line.id)}: no such utterance in {path}"
        elif len(fitting) > 1:
            ids = few([listing.items[place].id for place in fitting])
            why = f"{quoted(line.id)} may be {ids}: give the whole id"
        elif fitting and fitting[0] in matched:
            first = matched[fitting[0]].source
            why = f"{quoted(line.id)} a second time, first in {first}"
        elif fitting:
            matched[fitting[0]] = line
        if why:
            id = "" if fitting else line.id
            listing.problems.append(Problem(line.source, why + CUT * line.unfinished, id, "train"))
    return matched


def _files(path: Path) -> list[Path]:
    """The files of what may be a folder of them; without those that macOS leaves beside."""
    if not path.is_dir():
        return [path]
    files = tree(path)
    return [f for f in files if f.suffix.lower() == ".npy" and not f.name.startswith(".")]


def _read(path: Path, spaced: Collection[str], problems: list[Problem]) -> list[Line]:
    """The strings of a file or folder; what fits no form is added to `problems`.

    Args:
        path: of it.
        spaced: ids with blanks in them, which are one word in a list.
        problems: to add to.

    Raises:
        UserError: missing, unreadable, or without any strings.
    """
    if path.is_dir():
        lines = _read_arrays(path, problems)
    elif path.suffix.lower() == ".csv":
        lines = _read_csv(path, problems)
    else:
        lines = _read_list(path, spaced)
    sound = []
    for line in lines:
        if fault := id_fault(line.id):
            problems.append(Problem(line.source, f"{quoted(line.id)}: {fault}"))
        elif odd := [word for word in line.symbols if " " in word or not word.isprintable()]:
            problems.append(Problem(line.source, f"{quoted(line.id)}: no phone: {few(odd)}"))
        else:
            sound.append(line)
    if not lines:
        raise UserError(f"{path}: no strings in it")
    return sound


def _read_list(path: Path, spaced: Collection[str]) -> list[Line]:
    rows = read_lines(path)
    longest = max(map(len, spaced), default=0)
    found = []
    for number, row in enumerate(rows, start=1):
        if row:
            id = leading_id(row, spaced, longest)
            source = f"{path.name} line {number}"
            found.append(Line(source, id, row[len(id) :].split(), number == len(rows)))
    return found


def _read_csv(path: Path, problems: list[Problem]) -> list[Line]:
    rows = csv.reader(read_lines(path), strict=True)
    found = []
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        columns = [k for k, name in enumerate(header) if name in _COLUMNS]
        if header.count("id") != 1 or len(columns) != 1:
            wanted = " or ".join(_COLUMNS)
            raise UserError(f"{path} line 1: expected a column id, and one of {wanted}")
        for row in rows:
            source = f"{path.name} line {rows.line_num}"
            if len(row) == len(header):
                id, symbols = row[header.index("id")].strip(), row[columns[0]].split()
                found.append(Line(source, id, symbols))
            elif row:
                why = f"expected {len(header)} columns, found {len(row)}"
                problems.append(Problem(source, why))
    except csv.Error as error:
        raise UserError(f"{path} line {rows.line_num}: {error}") from error
    return found


def _read_arrays(folder: Path, problems: list[Problem]) -> list[Line]:
    found = []
    for file in _files(folder):
        name = file.relative_to(folder).as_posix()
        source, id = f"{folder.name}/{name}", name.removesuffix(file.suffix)
        try:
            array = read_npy(file)
            if array.dtype.kind != "U" or array.ndim != 1:
                raise DamagedFile(f"holds {array.dtype} {array.shape}, expected text (phones,)")
            letters = array.view(np.dtype("u4").newbyteorder(array.dtype.byteorder))
            if letters.max(initial=0) > sys.maxunicode:
                raise DamagedFile("holds numbers that are no letters")
            found.append(Line(source, id, array.tolist()))
        except DamagedFile as damage:
            problems.append(Problem(source, str(damage), id, "train"))
    return found
