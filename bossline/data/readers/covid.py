"""The covid tables of the courses: who will test positive, from a survey of several days.

    covid.train.csv   id, one column a US state (one-hot), survey percentages day by day
    covid.test.csv    the same without the target

In 2023 they are called covid_train.csv and covid_test.csv. The test part may be absent. Survey
columns repeat once a day: the k-th repeat of a name gets the suffix .k, which the published files
leave out and which pandas writes. The target is the tested_positive of the last day. A row whose
state has no column is 0 in all of them; no published row is.

Other tables may have any columns besides id and tested_positive, but two capital letters mean a
state; where columns have different numbers of days, the file must write the suffixes.
"""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import numpy as np

from bossline.core.errors import UserError
from bossline.core.reading import ask_for, read_bytes, reason, within_memory
from bossline.data.features.days import day_of, on_day, stem_of
from bossline.data.features.spec import TableSpec
from bossline.data.ids import id_fault
from bossline.data.readers.base import Item, Listing, Problem, Reader, existing, register

_FILES = {
    "train": ("covid.train.csv", "covid_train.csv"),
    "test": ("covid.test.csv", "covid_test.csv"),
}
_ID = "id"
_TARGET = "tested_positive"
_STATE = re.compile(r"[A-Z]{2}")
_LONGEST = 100  # characters of a name
_ITEM = 700  # bytes that a row takes as an item, without its numbers
_LARGEST = float(np.finfo(np.float32).max)

# Of each edition, how many days and which columns each day has, besides the target's.
_EDITIONS = {
    "2021": (
        3,
        "cli ili hh_cmnty_cli nohh_cmnty_cli wearing_mask travel_outside_state work_outside_home "
        "shop restaurant spent_time large_event public_transit anxious depressed felt_isolated "
        "worried_become_ill worried_finances",
    ),
    "2022": (
        5,
        "cli ili hh_cmnty_cli nohh_cmnty_cli wearing_mask travel_outside_state work_outside_home "
        "shop restaurant spent_time large_event public_transit anxious depressed worried_finances",
    ),
    "2023": (
        3,
        "cli ili wnohh_cmnty_cli wbelief_masking_effective wbelief_distancing_effective "
        "wcovid_vaccinated_friends wlarge_event_indoors wothers_masked_public "
        "wothers_distanced_public wshop_indoors wrestaurant_indoors wworried_catch_covid "
        "hh_cmnty_cli nohh_cmnty_cli wearing_mask_7d public_transit worried_finances",
    ),
}


@dataclass(frozen=True)
class _Table:
    """A file whose header is sound; its rows are not looked at yet."""

    file: str
    header: str
    """File and line of the names."""
    names: list[str]
    repeats: bool
    """Whether the file itself leaves out suffixes."""
    rows: list[tuple[int, tuple[str, ...]]]
    """Line and cells."""


def _shown(cell: str) -> str:
    return ascii(cell if len(cell) <= 40 else f"{cell[:37]}...")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The most similar name, whichever letters are capital."""
    folded = {other.lower(): other for other in known}
    close = get_close_matches(name.lower(), folded, n=1, cutoff=cutoff)
    return folded[close[0]] if close else None


def _file(path: Path, part: str) -> str | None:
    """
    Raises:
        UserError: a file under either name.
    """
    found = existing(path, _FILES[part])
    if len(found) > 1:
        raise UserError(f"{path} has both {' and '.join(_FILES[part])}: leave one")
    return found[0].name if found else None


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


def _names(header: Sequence[str]) -> list[str]:
    """Names that differ: those of the k-th repeat with the suffix .k."""
    repeats = Counter[str]()
    names = []
    for name in header:
        names.append(on_day(name, repeats[name]))
        repeats[name] += 1
    return names


def _header_faults(header: Sequence[str], names: Sequence[str]) -> list[str]:
    """What is wrong with the names of any file of this layout."""
    faults = [
        f"column {number} is called {_shown(name)}, expected a printable name"
        for number, name in enumerate(header, start=1)
        if not name.isprintable() or not 0 < len(name) <= _LONGEST
    ]
    if faults:
        return faults
    # A second cli.1 would be cli.1.1; cli, cli, cli.1 has two for one day.
    once = Counter(name for name in header if name == _ID or _STATE.fullmatch(name) or day_of(name))
    once |= Counter(names)
    faults += [
        f"column '{name}' comes {_times(count)}, expected once"
        for name, count in once.items()
        if count > 1
    ]
    if _ID not in header:
        # ID is Idaho, except in the first column.
        near = _nearest(_ID, [header[0], *(n for n in header if not _STATE.fullmatch(n))])
        hint = f"; did you mean '{near}'?" if near else ""
        if len(header) == 1:
            hint = f", but {_shown(header[0])}; are commas between the cells?"
        faults.append(f"no column '{_ID}'{hint}")
    return faults


def _read(path: Path, file: str, problems: list[Problem]) -> _Table | None:
    """
    Raises:
        UserError: unreadable.
    """
    try:
        with within_memory(path / file):
            return _table(file, _records(read_bytes(path / file)), problems)
    except _NoCsv as error:
        problems.append(Problem(f"{file} line {error.line}", error.why))
        return None
    except OSError as error:
        raise UserError(f"{path / file}: cannot be read: {reason(error)}") from error


def _table(
    file: str, records: Iterator[tuple[int, tuple[str, ...]]], problems: list[Problem]
) -> _Table | None:
    """The header is judged first: of a file that is no table, no row is taken apart."""
    line, header = next(records, (1, ()))
    source = f"{file} line {line}"
    if not header:
        problems.append(Problem(source, "empty, expected the columns' names"))
        return None
    names = _names(header)
    faults = _header_faults(header, names)
    rows = [] if faults else list(records)
    if not rows and not faults:
        faults = ["only the columns' names, expected rows below"]
    problems.extend(Problem(source, why) for why in faults)
    return None if faults else _Table(file, source, names, names != list(header), rows)


def _uneven_faults(names: Sequence[str]) -> list[str]:
    """Of names that the file repeats without suffixes: then only their number tells the day."""
    counts = Counter(stem_of(name) for name in names if name != _ID and not _STATE.fullmatch(name))
    ((days, _),) = Counter(counts.values()).most_common(1)
    odd = [name for name, count in counts.items() if count != days]
    faults = []
    while odd:
        name = odd.pop(0)
        why = f"column '{name}' comes {_times(counts[name])}, most columns {_times(days)}"
        if near := _nearest(name, odd):
            odd.remove(near)
            why += f"; nearest name: '{near}', {_times(counts[near])}"
        faults.append(why)
    return faults


def _edition(names: Iterable[str]) -> str:
    survey = {name for name in names if not _STATE.fullmatch(name)}
    for year, (days, stems) in _EDITIONS.items():
        stems_and_target = [*stems.split(), _TARGET]
        if survey == {on_day(stem, day) for stem in stems_and_target for day in range(days)}:
            return year
    return ""


def _spec(train: _Table, problems: list[Problem]) -> TableSpec | None:
    names = [name for name in train.names if name != _ID]
    faults = _uneven_faults(names) if train.repeats else []
    target = max((name for name in names if stem_of(name) == _TARGET), key=day_of, default=None)
    if target is None:
        near = _nearest(_TARGET, names)
        faults.append(f"no column '{_TARGET}'" + (f"; did you mean '{near}'?" if near else ""))
    elif len(names) == 1:
        faults.append(f"no column besides '{_ID}' and '{target}'")
    problems.extend(Problem(train.header, why) for why in faults)
    if faults or target is None:
        return None
    columns = tuple(name for name in names if name != target)
    return TableSpec(columns=columns, target=target, edition=_edition(names))


def _fits(test: _Table, spec: TableSpec, train: str, problems: list[Problem]) -> bool:
    """Whether the test file has the columns of the corpus, in whatever order, and no others."""
    known = [_ID, *spec.columns]
    missing = [name for name in known if name not in test.names]
    extra = [name for name in test.names if name not in known]
    faults = []
    if spec.target in extra:
        extra.remove(spec.target)
        faults.append(f"column '{spec.target}' is the target, expected in {train} only")
    for cutoff in (0.6, 0.0):  # first those that resemble each other
        for name in list(missing):
            if near := _nearest(name, extra, cutoff):
                missing.remove(name)
                extra.remove(near)
                faults.append(f"no column '{name}' as in {train}; nearest name: '{near}'")
    faults += [f"no column '{name}' as in {train}" for name in missing]
    for name in extra:
        near = _nearest(name, known)
        tail = f"; nearest name there: '{near}'" if near else ""
        faults.append(f"column '{name}' is not in {train}{tail}")
    problems.extend(Problem(test.header, why) for why in faults)
    return not faults


def _number(cell: str) -> float:
    """NaN where the cell holds no number, or one that float32 cannot hold."""
    try:
        value = float(cell)
    except ValueError:
        return math.nan
    # float() also takes digits of any script and underscores, which no such file has.
    written = cell.isascii() and "_" not in cell
    return value if abs(value) <= _LARGEST and written else math.nan


def _row_faults(
    cells: Sequence[str], values: Sequence[float], names: Sequence[str], states: Sequence[int]
) -> Iterator[str]:
    """
    Args:
        states: which of the columns are states.
    """
    bad = [k for k, value in enumerate(values) if math.isnan(value)]
    if bad:
        more = f", nor in {len(bad) - 1} more columns" if len(bad) > 1 else ""
        yield f"column '{names[bad[0]]}': {_shown(cells[bad[0]])}, expected a finite number{more}"
    if wrong := [k for k in states if values[k] not in (0, 1) and k not in bad]:
        yield f"column '{names[wrong[0]]}': {_shown(cells[wrong[0]])}, expected 0 or 1 of a state"
    elif len(ones := [f"'{names[k]}'" for k in states if values[k] == 1]) > 1:
        yield f"columns {' and '.join(ones[:2])} are 1, expected one state at most"


def _items(table: _Table, part: str, spec: TableSpec, problems: list[Problem]) -> Iterator[Item]:
    wanted = [*spec.columns, spec.target] if part == "train" else spec.columns
    places = [table.names.index(name) for name in wanted]
    states = [k for k, name in enumerate(wanted) if _STATE.fullmatch(name)]
    id_place = table.names.index(_ID)
    lines: dict[str, int] = {}
    ask_for(len(table.rows) * (_ITEM + 8 * len(wanted)))
    for line, cells in table.rows:
        source = f"{table.file} line {line}"
        value = cells[id_place] if id_place < len(cells) else ""
        # A submission takes an id's last part: nothing else may look like one.
        if value.split() != [value] or "/" in value or id_fault(value):
            why = f"column '{_ID}': {_shown(value)}, expected a word or a number"
            problems.append(Problem(source, why))
            continue
        if value in lines:
            why = f"column '{_ID}': {_shown(value)} a second time, first in line {lines[value]}"
            problems.append(Problem(source, why))
            continue
        lines[value] = line
        id = f"{part}/{value}"
        if len(cells) != len(table.names):
            why = f"{len(cells)} cells, expected {len(table.names)}"
            problems.append(Problem(source, why, id, part))
            continue
        chosen = [cells[place] for place in places]
        values = [_number(cell) for cell in chosen]
        of_states = [values[k] for k in states]
        if math.isnan(sum(values)) or not set(of_states) <= {0, 1} or sum(of_states) > 1:
            faults = _row_faults(chosen, values, wanted, states)
            problems.extend(Problem(source, why, id, part) for why in faults)
            continue
        row = np.array([values[: spec.dim]])
        target = values[spec.dim] if part == "train" else None
        yield Item(id, part, source, partial(np.asarray, row), target=target)


def _copies(rows: Sequence[Item], spec: TableSpec) -> Iterator[str]:
    """Columns that give the target away."""
    targets = np.array([item.target for item in rows])
    if len(np.unique(targets)) < 2:
        return
    equal = (np.concatenate([item.load() for item in rows]) == targets[:, None]).all(axis=0)
    for name in np.array(spec.columns)[equal]:
        yield f"column '{name}' equals the target '{spec.target}' in every row: a copy of it"


@register
class Covid(Reader):
    name = "covid"
    description = "covid.train.csv or covid_train.csv; covid.test.csv: a row is a region's survey"

    def recognises(self, path: Path) -> bool:
        return any(os.path.lexists(path / file) for file in _FILES["train"])

    def files(self, path: Path) -> list[Path]:
        return existing(path, [*_FILES["train"], *_FILES["test"]])

    def scan(self, path: Path) -> Listing:
        files = {part: _file(path, part) for part in _FILES}
        if (file := files["train"]) is None:
            raise UserError(f"{path} is no complete covid set: it lacks {_FILES['train'][0]}")
        problems: list[Problem] = []
        items: list[Item] = []
        train = _read(path, file, problems)
        test = _read(path, files["test"], problems) if files["test"] else None
        spec = _spec(train, problems) if train else None
        if train and spec:
            items += _items(train, "train", spec, problems)
            problems.extend(Problem(train.header, why) for why in _copies(items, spec))
            if test and _fits(test, spec, file, problems):
                items += _items(test, "test", spec, problems)
        # Only the first are shown: those of the whole set, before a thousand damaged rows.
        problems.sort(key=lambda problem: bool(problem.id))
        return Listing(spec or TableSpec(columns=(), target=_TARGET), (), items, problems)
