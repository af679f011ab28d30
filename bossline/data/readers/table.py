"""A table of one's own: rows of numbers and categories, and a column that is to be foretold.

    train.csv          columns of any names, one of which is the target
    test.csv           the same without the target; may be absent

One CSV alone, called as you like, will do as well. A column is of numbers if half of its cells are
numbers, else of categories: each of its texts becomes a column of zeros and ones, COLUMN=TEXT, and
what only the test file has is 0 in all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isnan
from pathlib import Path
from typing import ClassVar

from bossline.core.errors import UserError
from bossline.data.features.spec import TableSpec
from bossline.data.readers.base import (
    Item,
    Listing,
    Problem,
    Reader,
    TableOptions,
    existing,
    inside,
    register,
)
from bossline.data.readers.csv_tables import (
    Numbers,
    Table,
    copies,
    fits,
    nearest,
    no_column,
    no_number,
    number,
    read_table,
    shown,
    table_items,
    times,
    unprintable,
)

_TRAIN, _TEST = "train.csv", "test.csv"
_ID = "id"
_SHOWN = 20  # names of columns
_MOST_CATEGORIES = 100  # of a column: more are names or dates


@dataclass(frozen=True)
class _Column:
    """A column of the file, as the corpus has it.

    Attributes:
        categories: its texts; none of a column of numbers.
    """

    name: str
    categories: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Of the columns that the corpus has in its place."""
        return [f"{self.name}={text}" for text in self.categories] or [self.name]


@register
@dataclass(frozen=True)
class TableReader(Reader):
    name: ClassVar[str] = "table"
    description: ClassVar[str] = (
        "train.csv and test.csv, or one .csv: rows of anything, see --target"
    )

    options: TableOptions = field(default_factory=TableOptions)

    def recognises(self, path: Path) -> bool:
        return _train_file(path) is not None

    def with_columns(self, options: TableOptions) -> Reader:
        return replace(self, options=options)

    def files(self, path: Path) -> list[Path]:
        return existing(path, [file for file in (_train_file(path), _TEST) if file is not None])

    def scan(self, path: Path) -> Listing:
        file = _train_file(path)
        if file is None:
            raise UserError(f"{path} is no complete table: it lacks {_TRAIN}")
        problems: list[Problem] = []
        items: list[Item] = []
        train = read_table(path, file, self._judged, problems)
        if self.options.target is None:
            names = f" of {', '.join(train.names[:_SHOWN])}" if train else ""
            raise UserError(f"{path / file}: which column{names} is to be foretold? Say --target")
        has_test = file != _TEST and bool(existing(path, [_TEST]))
        test = read_table(path, _TEST, self._judged, problems) if has_test else None
        spec, columns = self._spec(train, problems) if train else (None, [])
        if train and spec:
            id = self._id(train)
            numbers = _numbers(train, columns, spec.target)
            items += table_items(train, "train", _place(train, id), spec.dim, numbers, problems)
            problems.extend(Problem(train.header, why) for why in copies(items, spec))
            known = [*([id] if id else []), *(column.name for column in columns)]
            if test and fits(test, known, spec.target, file, problems):
                numbers = _numbers(test, columns, None)
                items += table_items(test, "test", _place(test, id), spec.dim, numbers, problems)
        problems.sort(key=lambda problem: bool(problem.id))
        features = spec or TableSpec(columns=(), target=self.options.target)
        return Listing(features, (), items, problems)

    def _judged(self, header: Sequence[str]) -> tuple[list[str], list[str]]:
        names = list(header)
        faults = unprintable(names) or [
            f"column '{name}' comes {times(count)}, expected once"
            for name, count in Counter(names).items()
            if count > 1
        ]
        wanted = self.options.id
        if not faults and wanted is not None and wanted not in names:
            faults = [f"--id: {no_column(wanted, names, nearest(wanted, names))}"]
        return names, faults

    def _id(self, train: Table) -> str | None:
        """The column that was named, else one that is called id; None: rows are numbered."""
        if self.options.id is not None:
            return self.options.id
        return next((name for name in train.names if name.lower() == _ID), None)

    def _spec(
        self, train: Table, problems: list[Problem]
    ) -> tuple[TableSpec | None, list[_Column]]:
        target, id = self.options.target, self._id(train)
        assert target is not None
        faults = []
        columns: list[_Column] = []
        if target not in train.names:
            why = no_column(target, train.names, nearest(target, train.names))
            faults.append(f"--target: {why}")
        elif target == id:
            faults.append(f"column '{target}' is --target and --id at once")
        else:
            columns = [
                _column(name, train, place, faults)
                for place, name in enumerate(train.names)
                if name not in (id, target)
            ]
            if not columns:
                faults.append(f"no column besides {'id and ' if id else ''}'{target}'")
        names = [name for column in columns for name in column.names]
        faults += [
            f"column '{name}' comes {times(count)}, once as a category: call it differently"
            for name, count in Counter(names).items()
            if count > 1
        ]
        problems.extend(Problem(train.header, why) for why in faults)
        return (None if faults else TableSpec(columns=tuple(names), target=target)), columns


def _train_file(path: Path) -> str | None:
    """train.csv, else the only CSV there, where nothing else is."""
    there = [entry.name for entry in inside(path)]
    if _TRAIN in there:
        return _TRAIN
    alone = len(there) == 1 and there[0].lower().endswith(".csv")
    return there[0] if alone else None


def _place(table: Table, id: str | None) -> int | None:
    return None if id is None else table.names.index(id)


def _column(name: str, table: Table, place: int, faults: list[str]) -> _Column:
    cells = [row[place] for _, row in table.rows if place < len(row)]
    if 2 * sum(not isnan(number(cell)) for cell in cells) >= len(cells):
        return _Column(name)
    texts = sorted({cell for cell in cells if cell})
    if len(texts) > _MOST_CATEGORIES:
        faults.append(
            f"column '{name}' has {len(texts):,} different texts, such as {shown(texts[0])}: at "
            f"most {_MOST_CATEGORIES} are categories, so leave it out or write numbers"
        )
    faults += unprintable([f"{name}={text}" for text in texts])[:1]
    return _Column(name, tuple(texts))


def _numbers(table: Table, columns: Sequence[_Column], target: str | None) -> Numbers:
    """
    Args:
        target: the last number of a row; None: it has none.
    """
    places = [table.names.index(column.name) for column in columns]
    last = None if target is None else table.names.index(target)
    plain = [k for k, column in enumerate(columns) if not column.categories]
    names = [columns[k].name for k in plain] + ([] if target is None else [target])

    def numbers(cells: Sequence[str], faults: list[str]) -> list[float]:
        values: list[float] = []
        of_numbers = [places[k] for k in plain] + ([] if last is None else [last])
        found = [number(cells[place]) for place in of_numbers]
        faults += no_number(names, [cells[place] for place in of_numbers], found)
        each = iter(found)
        for column, place in zip(columns, places, strict=True):
            if column.categories:
                cell = cells[place]
                if not cell or not cell.isprintable():
                    what = shown(cell) if cell else "empty"
                    faults.append(f"column '{column.name}': {what}, expected a category")
                values += [float(cell == text) for text in column.categories]
            else:
                values.append(next(each))
        return [*values, *each]

    return numbers
