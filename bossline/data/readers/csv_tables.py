"""Tables as CSV files: header and rows, told apart from what is no table, for several layouts."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import numpy as np

from bossline.core.errors import UserError
from bossline.core.reading import ask_for, read_bytes, reason, within_memory
from bossline.data.features.spec import TableSpec
from bossline.data.ids import id_fault
from bossline.data.readers.base import Item, Problem

LONGEST = 100  # characters of a name
_ITEM = 700  # bytes that a row takes as an item, without its numbers
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Table:
    """A file whose header is sound; its rows are not looked at yet."""

    file: str
    header: str
    """File and line of the names."""
    names: list[str]
    """They differ, whatever the file calls them."""
    repeats: bool
    """Whether the file itself leaves out what tells them apart."""
    rows: list[tuple[int, tuple[str, ...]]]
    """Line and cells."""


Judge = Callable[[Sequence[str]], tuple[list[str], list[str]]]
"""Of a file's first line the names of its columns, which differ, and what is wrong with them."""

Numbers = Callable[[Sequence[str], list[str]], Sequence[float]]
"""Of a row's cells its numbers, the target last where there is one; faults go into the list."""


def shown(cell: str) -> str:
    return ascii(cell if len(cell) <= 40 else f"{cell[:37]}...")


def times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The most similar name, whichever letters are capital."""
    folded = {other.lower(): other for other in known}
    close = get_close_matches(name.lower(), folded, n=1, cutoff=cutoff)
    return folded[close[0]] if close else None


class _NoCsv(Exception):
    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line, self.why = line, why


def _records(content: bytes) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each record's first line and cells without white space around, empty lines left out.

    Raises:
        _NoCsv: what comes next is none, or no text.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _NoCsv(line, "not UTF-8 text") from error
    # Strict: a quotation mark that is never closed would swallow all rows behind it.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for record in reader:
            # Tuples: the collector would look through millions of lists again and again.
            cells = tuple([cell.strip() for cell in record])
            if cells not in ((), ("",)):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise _NoCsv(line, f"no CSV: {error}") from error


def unprintable(header: Sequence[str]) -> list[str]:
    """What is wrong with names that are none."""
    return [
        f"column {number} is called {shown(name)}, expected a printable name"
        for number, name in enumerate(header, start=1)
        if not name.isprintable() or not 0 < len(name) <= LONGEST
    ]


def no_column(name: str, header: Sequence[str], near: str | None) -> str:
    """
    Args:
        near: a name there that may be meant.
    """
    hint = f"; did you mean '{near}'?" if near else ""
    if len(header) == 1:
        hint = f", but {shown(header[0])}; are commas between the cells?"
    return f"no column '{name}'{hint}"


def read_table(path: Path, file: str, judge: Judge, problems: list[Problem]) -> Table | None:
    """A file's table; None where it is none, which becomes a problem.

    Raises:
        UserError: unreadable.
    """
    try:
        with within_memory(path / file):
            return _table(file, _records(read_bytes(path / file)), judge, problems)
    except _NoCsv as error:
        problems.append(Problem(f"{file} line {error.line}", error.why))
        return None
    except OSError as error:
        raise UserError(f"{path / file}: cannot be read: {reason(error)}") from error


def _table(
    file: str,
    records: Iterator[tuple[int, tuple[str, ...]]],
    judge: Judge,
    problems: list[Problem],
) -> Table | None:
    """The header is judged first: of a file that is no table, no row is taken apart."""
    line, header = next(records, (1, ()))
    source = f"{file} line {line}"
    if not header:
        problems.append(Problem(source, "empty, expected the columns' names"))
        return None
    names, faults = judge(header)
    rows = [] if faults else list(records)
    if not rows and not faults:
        faults = ["only the columns' names, expected rows below"]
    problems.extend(Problem(source, why) for why in faults)
    return None if faults else Table(file, source, names, names != list(header), rows)


def fits(
    test: Table, known: Sequence[str], target: str, train: str, problems: list[Problem]
) -> bool:
    """Whether the test file has the known columns, in whatever order, and no others.

    Args:
        target: the column that it lacks.
        train: the file that has them all.
    """
    missing = [name for name in known if name not in test.names]
    extra = [name for name in test.names if name not in known]
    faults = []
    if target in extra:
        extra.remove(target)
        faults.append(f"column '{target}' is the target, expected in {train} only")
    for cutoff in (0.6, 0.0):  # first those that resemble each other
        for name in list(missing):
            if near := nearest(name, extra, cutoff):
                missing.remove(name)
                extra.remove(near)
                faults.append(f"no column '{name}' as in {train}; nearest name: '{near}'")
    faults += [f"no column '{name}' as in {train}" for name in missing]
    for name in extra:
        near = nearest(name, known)
        tail = f"; nearest name there: '{near}'" if near else ""
        faults.append(f"column '{name}' is not in {train}{tail}")
    problems.extend(Problem(test.header, why) for why in faults)
    return not faults


def number(cell: str) -> float:
    """NaN where the cell holds no number, or one that float32 cannot hold."""
    try:
        value = float(cell)
    except ValueError:
        return math.nan
    # float() also takes digits of any script and underscores, which no such file has.
    written = cell.isascii() and "_" not in cell
    return value if abs(value) <= _LARGEST and written else math.nan


def table_items(
    table: Table,
    part: str,
    id_place: int | None,
    width: int,
    numbers: Numbers,
    problems: list[Problem],
) -> Iterator[Item]:
    """Rows that are sound; what is wrong with the others becomes problems.

    Args:
        id_place: of the column that holds ids; None: rows are numbered from 1.
        width: columns of the corpus; a number behind them is the target.
    """
    lines: dict[str, int] = {}
    ask_for(len(table.rows) * (_ITEM + 8 * (width + 1)))
    for place, (line, cells) in enumerate(table.rows, start=1):
        source = f"{table.file} line {line}"
        if id_place is None:
            value = str(place)
        else:
            value = cells[id_place] if id_place < len(cells) else ""
            name = table.names[id_place]
            # A submission takes an id's last part: nothing else may look like one.
            if value.split() != [value] or "/" in value or id_fault(value):
                why = f"column '{name}': {shown(value)}, expected a word or a number"
                problems.append(Problem(source, why))
                continue
            if value in lines:
                why = f"column '{name}': {shown(value)} a second time, first in line {lines[value]}"
                problems.append(Problem(source, why))
                continue
        lines[value] = line
        id = f"{part}/{value}"
        if len(cells) != len(table.names):
            why = f"{len(cells)} cells, expected {len(table.names)}"
            problems.append(Problem(source, why, id, part))
            continue
        faults: list[str] = []
        values = numbers(cells, faults)
        if faults:
            problems.extend(Problem(source, why, id, part) for why in faults)
            continue
        row = np.array([values[:width]])
        target = values[width] if len(values) > width else None
        yield Item(id, part, source, partial(np.asarray, row), target=target)


def no_number(names: Sequence[str], cells: Sequence[str], values: Sequence[float]) -> list[str]:
    """What to say of a row with cells that hold no number, the first by name."""
    bad = [k for k, value in enumerate(values) if math.isnan(value)]
    if not bad:
        return []
    more = f", nor in {len(bad) - 1} more columns" if len(bad) > 1 else ""
    return [f"column '{names[bad[0]]}': {shown(cells[bad[0]])}, expected a finite number{more}"]


def copies(rows: Sequence[Item], spec: TableSpec) -> Iterator[str]:
    """Columns that give the target away."""
    targets = np.array([item.target for item in rows])
    if len(np.unique(targets)) < 2:
        return
    equal = (np.concatenate([item.load() for item in rows]) == targets[:, None]).all(axis=0)
    for name in np.array(spec.columns)[equal]:
        yield f"column '{name}' equals the target '{spec.target}' in every row: a copy of it"
