"""The covid tables of the courses: who will test positive, from a survey of several days.

    covid.train.csv   id, one column a US state (one-hot), survey percentages day by day
    covid.test.csv    the same without the target

In 2023 they are called covid_train.csv and covid_test.csv. The test part may be absent. Survey
columns repeat once a day: the k-th repeat of a name gets the suffix .k, which the published files
leave out and which pandas writes. The target is the tested_positive of the last day. A row whose
state has no column is 0 in all of them; no published row is.

The survey's columns may be others, but two capital letters mean a state; where columns have
different numbers of days, the file must write the suffixes. Tables of anything else: table.py.
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bossline.core.errors import UserError
from bossline.data.features.days import day_of, on_day, stem_of
from bossline.data.features.spec import TableSpec
from bossline.data.readers.base import Item, Listing, Problem, Reader, existing, register
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

_FILES = {
    "train": ("covid.train.csv", "covid_train.csv"),
    "test": ("covid.test.csv", "covid_test.csv"),
}
_ID = "id"
_TARGET = "tested_positive"
_STATE = re.compile(r"[A-Z]{2}")

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


def _file(path: Path, part: str) -> str | None:
    """
    Raises:
        UserError: a file under either name.
    """
    found = existing(path, _FILES[part])
    if len(found) > 1:
        raise UserError(f"{path} has both {' and '.join(_FILES[part])}: leave one")
    return found[0].name if found else None


def _names(header: Sequence[str]) -> list[str]:
    """Names that differ: those of the k-th repeat with the suffix .k."""
    repeats = Counter[str]()
    names = []
    for name in header:
        names.append(on_day(name, repeats[name]))
        repeats[name] += 1
    return names


def _judged(header: Sequence[str]) -> tuple[list[str], list[str]]:
    names = _names(header)
    return names, _header_faults(header, names)


def _header_faults(header: Sequence[str], names: Sequence[str]) -> list[str]:
    """What is wrong with the names of any file of this layout."""
    if faults := unprintable(header):
        return faults
    # A second cli.1 would be cli.1.1; cli, cli, cli.1 has two for one day.
    once = Counter(name for name in header if name == _ID or _STATE.fullmatch(name) or day_of(name))
    once |= Counter(names)
    faults = [
        f"column '{name}' comes {times(count)}, expected once"
        for name, count in once.items()
        if count > 1
    ]
    if _ID not in header:
        # ID is Idaho, except in the first column.
        near = nearest(_ID, [header[0], *(n for n in header if not _STATE.fullmatch(n))])
        faults.append(no_column(_ID, header, near))
    return faults


def _uneven_faults(names: Sequence[str]) -> list[str]:
    """Of names that the file repeats without suffixes: then only their number tells the day."""
    counts = Counter(stem_of(name) for name in names if name != _ID and not _STATE.fullmatch(name))
    ((days, _),) = Counter(counts.values()).most_common(1)
    odd = [name for name, count in counts.items() if count != days]
    faults = []
    while odd:
        name = odd.pop(0)
        why = f"column '{name}' comes {times(counts[name])}, most columns {times(days)}"
        if near := nearest(name, odd):
            odd.remove(near)
            why += f"; nearest name: '{near}', {times(counts[near])}"
        faults.append(why)
    return faults


def _edition(names: Iterable[str]) -> str:
    survey = {name for name in names if not _STATE.fullmatch(name)}
    for year, (days, stems) in _EDITIONS.items():
        stems_and_target = [*stems.split(), _TARGET]
        if survey == {on_day(stem, day) for stem in stems_and_target for day in range(days)}:
            return year
    return ""


def _spec(train: Table, problems: list[Problem]) -> TableSpec | None:
    names = [name for name in train.names if name != _ID]
    faults = _uneven_faults(names) if train.repeats else []
    target = max((name for name in names if stem_of(name) == _TARGET), key=day_of, default=None)
    if target is None:
        near = nearest(_TARGET, names)
        faults.append(f"no column '{_TARGET}'" + (f"; did you mean '{near}'?" if near else ""))
    elif len(names) == 1:
        faults.append(f"no column besides '{_ID}' and '{target}'")
    problems.extend(Problem(train.header, why) for why in faults)
    if faults or target is None:
        return None
    columns = tuple(name for name in names if name != target)
    return TableSpec(columns=columns, target=target, edition=_edition(names))


def _numbers(table: Table, wanted: Sequence[str]) -> Numbers:
    """Of its rows the wanted columns, of which at most one state is 1."""
    places = [table.names.index(name) for name in wanted]
    states = [k for k, name in enumerate(wanted) if _STATE.fullmatch(name)]

    def numbers(cells: Sequence[str], faults: list[str]) -> list[float]:
        chosen = [cells[place] for place in places]
        values = [number(cell) for cell in chosen]
        of_states = [values[k] for k in states]
        if math.isnan(sum(values)) or not set(of_states) <= {0, 1} or sum(of_states) > 1:
            faults += no_number(wanted, chosen, values)
            faults += _state_faults(chosen, values, wanted, states)
        return values

    return numbers


def _state_faults(
    cells: Sequence[str], values: Sequence[float], names: Sequence[str], states: Sequence[int]
) -> Iterator[str]:
    """
    Args:
        states: which of the columns are states.
    """
    wrong = [k for k in states if values[k] not in (0, 1) and not math.isnan(values[k])]
    if wrong:
        yield f"column '{names[wrong[0]]}': {shown(cells[wrong[0]])}, expected 0 or 1 of a state"
    elif len(ones := [f"'{names[k]}'" for k in states if values[k] == 1]) > 1:
        yield f"columns {' and '.join(ones[:2])} are 1, expected one state at most"


@register
class Covid(Reader):
    name = "covid"
    description = "covid.train.csv or covid_train.csv; covid.test.csv: a row is a region's survey"
    goes_before = ("table",)

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
        train = read_table(path, file, _judged, problems)
        test = read_table(path, files["test"], _judged, problems) if files["test"] else None
        spec = _spec(train, problems) if train else None
        if train and spec:
            wanted = [*spec.columns, spec.target]
            place, numbers = train.names.index(_ID), _numbers(train, wanted)
            items += table_items(train, "train", place, spec.dim, numbers, problems)
            problems.extend(Problem(train.header, why) for why in copies(items, spec))
            if test and fits(test, [_ID, *spec.columns], spec.target, file, problems):
                place, numbers = test.names.index(_ID), _numbers(test, spec.columns)
                items += table_items(test, "test", place, spec.dim, numbers, problems)
        # Only the first are shown: those of the whole set, before a thousand damaged rows.
        problems.sort(key=lambda problem: bool(problem.id))
        return Listing(spec or TableSpec(columns=(), target=_TARGET), (), items, problems)
