"""The covid tables: both ways to name days mean the same, and every bad cell is named."""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.core.reading import placeholder
from bossline.data.features.spec import TableSpec
from bossline.data.importing import import_corpus
from bossline.data.readers import choose_reader
from bossline.data.readers.base import Listing
from bossline.data.readers.covid import Covid

READER = Covid()
TRAIN, TEST = "covid.train.csv", "covid.test.csv"
COLUMNS = ("AL", "CA", "cli", "ili", "tested_positive", "cli.1", "ili.1")
TARGET = "tested_positive.1"

Table = list[list[str]]


def bare(names: list[str]) -> list[str]:
    return [name.partition(".")[0] for name in names]


def write(path: Path, table: Table) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(table)


def read(path: Path) -> Table:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def numbers(rows: int, columns: int, seed: int) -> Table:
    return [
        [f"{number:.7f}" for number in row]
        for row in np.random.default_rng(seed).uniform(0, 100, (rows, columns))
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four and three rows of two states and two days; the names are those of the published."""
    path = tmp_path / "covid"
    path.mkdir()
    states = [["1", "0"], ["0", "1.0"], ["0", "0"], ["1", "0"]]
    train = [
        [id, *state, *row]
        for id, state, row in zip(("0", "2", "17", "5"), states, numbers(4, 6, 1), strict=True)
    ]
    test = [
        [id, *state, *row]
        for id, state, row in zip("012", states[:3], numbers(3, 5, 2), strict=True)
    ]
    write(path / TRAIN, [bare(["id", *COLUMNS, TARGET]), *train])
    write(path / TEST, [bare(["id", *COLUMNS]), *test])
    (path / "sampleSubmission.csv").write_text("id,tested_positive\n")
    return path


def rows(listing: Listing, part: str) -> np.ndarray[Any, Any]:
    return np.concatenate([item.load() for item in listing.items if item.part == part])


def suffixed(folder: Path) -> None:
    """As pandas writes the files."""
    for file in (TRAIN, TEST):
        _, *body = read(folder / file)
        write(folder / file, [["id", *COLUMNS, TARGET][: len(body[0])], *body])


def test_what_goes_in_comes_out(home: Path, folder: Path) -> None:
    assert isinstance(choose_reader(folder), Covid)
    corpus = import_corpus(folder, "covid")
    assert corpus.header.features == TableSpec(columns=COLUMNS, target=TARGET)
    assert corpus.header.parts == ("train", "test")
    assert corpus.ids == (
        *(f"train/{id}" for id in (0, 2, 17, 5)),
        *(f"test/{id}" for id in (0, 1, 2)),
    )
    train, test = (np.array(read(folder / file)[1:], float)[:, 1:] for file in (TRAIN, TEST))
    expected = np.concatenate([train[:, :-1], test]).astype(np.float32)
    for number, row in enumerate(expected):
        np.testing.assert_array_equal(corpus.frames(number), row[None])
    np.testing.assert_array_equal(corpus.targets[:4], train[:, -1])
    assert np.isnan(corpus.targets[4:]).all()
    corpus.verify()


def test_items_name_their_lines(folder: Path) -> None:
    (folder / TEST).write_text((folder / TEST).read_text().replace("\n", "\n\n", 2))
    sources = [item.source for item in READER.scan(folder).items]
    assert sources == [
        *(f"{TRAIN} line {line}" for line in (2, 3, 4, 5)),
        *(f"{TEST} line {line}" for line in (3, 5, 6)),
    ]


def test_both_ways_to_name_days(folder: Path) -> None:
    published = READER.scan(folder)
    suffixed(folder)
    pandas = READER.scan(folder)
    assert published.features == pandas.features
    assert published.problems == pandas.problems == []
    for part in ("train", "test"):
        np.testing.assert_array_equal(rows(published, part), rows(pandas, part))


def test_the_names_of_2023_and_only_these_files(home: Path, folder: Path) -> None:
    first = import_corpus(folder, "covid")
    (folder / "sampleSubmission.csv").write_text("anything else")
    assert import_corpus(folder, "covid").path == first.path
    assert {path.name for path in READER.files(folder)} == {TRAIN, TEST}
    for part in ("train", "test"):
        (folder / f"covid.{part}.csv").rename(folder / f"covid_{part}.csv")
    assert isinstance(choose_reader(folder), Covid)
    assert import_corpus(folder, "covid").ids == first.ids
    write(folder / TEST, read(folder / "covid_test.csv"))
    with pytest.raises(UserError, match=r"has both covid\.test\.csv and covid_test\.csv"):
        READER.scan(folder)


def test_test_part_is_optional(folder: Path) -> None:
    (folder / TEST).unlink()
    assert {item.part for item in READER.scan(folder).items} == {"train"}


def test_training_part_is_not(folder: Path) -> None:
    (folder / TRAIN).unlink()
    with pytest.raises(UserError, match="no known layout"):
        choose_reader(folder)
    with pytest.raises(UserError, match=r"no complete covid set: it lacks covid\.train\.csv$"):
        READER.scan(folder)


def test_quirks_of_editors(folder: Path) -> None:
    """A byte order mark, CRLF, blanks, quotation marks and empty last lines."""
    expected = rows(READER.scan(folder), "train")
    lines = ['" ' + ' "," '.join(row) + ' "\r\n' for row in read(folder / TRAIN)]
    text = "\ufeff" + "".join(lines) + "\r\n \r\n"
    (folder / TRAIN).write_bytes(text.encode())
    listing = READER.scan(folder)
    assert listing.problems == []
    np.testing.assert_array_equal(rows(listing, "train"), expected)


@given(st.permutations(range(8)))
@settings(max_examples=20)
def test_the_test_file_may_have_any_order(order: list[int]) -> None:
    table = [
        ["id", *COLUMNS],
        *([str(k), "0", "1", *row] for k, row in enumerate(numbers(3, 5, 0))),
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / TRAIN, [[*row, t] for row, t in zip(table, (TARGET, *"123"), strict=True)])
        write(folder / TEST, [[row[k] for k in order] for row in table])
        listing = READER.scan(folder)
        assert listing.problems == []
        assert [item.id for item in listing.items[3:]] == ["test/0", "test/1", "test/2"]
        np.testing.assert_array_equal(rows(listing, "train"), rows(listing, "test"))


FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.data(), st.integers(1, 4), st.integers(1, 3), st.integers(1, 6))
@settings(max_examples=50)
def test_round_trip(data: st.DataObject, days: int, stems: int, count: int) -> None:
    """Of tables without states, with their days in either form."""
    names = [
        f"{stem}.{day}" if day else stem
        for day in range(days)
        for stem in (*(f"x{k}" for k in range(stems)), "tested_positive")
    ]
    width = len(names)
    values = data.draw(
        st.lists(st.lists(FINITE, min_size=width, max_size=width), min_size=count, max_size=count)
    )
    for k, row in enumerate(values):
        row[-1] = 0.1 * k  # a target that no column copies: float32 has no such number
    header = bare(names) if data.draw(st.booleans()) else names
    body = [[str(k), *map(repr, row)] for k, row in enumerate(values)]
    with tempfile.TemporaryDirectory() as name:
        write(Path(name) / TRAIN, [["id", *header], *body])
        listing = READER.scan(Path(name))
    assert listing.problems == []
    assert listing.features == TableSpec(columns=tuple(names[:-1]), target=names[-1])
    np.testing.assert_array_equal(rows(listing, "train"), np.array(values)[:, :-1])
    assert [item.target for item in listing.items] == [row[-1] for row in values]


BOTH = "cli ili hh_cmnty_cli nohh_cmnty_cli public_transit worried_finances tested_positive "
FIRST = BOTH + (
    "wearing_mask travel_outside_state work_outside_home shop restaurant spent_time large_event "
    "anxious depressed "
)
SURVEYS = {
    "2021": (3, FIRST + "felt_isolated worried_become_ill"),
    "2022": (5, FIRST),
    "2023": (
        3,
        BOTH + "wnohh_cmnty_cli wbelief_masking_effective wbelief_distancing_effective "
        "wcovid_vaccinated_friends wlarge_event_indoors wothers_masked_public "
        "wothers_distanced_public wshop_indoors wrestaurant_indoors wworried_catch_covid "
        "wearing_mask_7d",
    ),
}


@pytest.mark.parametrize("year", SURVEYS)
def test_editions_are_recognised(tmp_path: Path, year: str) -> None:
    days, survey = SURVEYS[year]
    for columns, edition in (
        (survey.split() * days, year),
        (survey.split() * (days + 1), ""),
        ((survey + " other").split() * days, ""),
    ):
        body = [[str(k), "1", *row] for k, row in enumerate(numbers(2, len(columns), 0))]
        write(tmp_path / TRAIN, [["id", "AL", *columns], *body])
        listing = READER.scan(tmp_path)
        assert listing.problems == []
        assert isinstance(listing.features, TableSpec)
        assert listing.features.edition == edition
        assert (f"{year} edition" in listing.features.describe()) == bool(edition)


Damage = Callable[[Path], object]


def edited(file: str, change: Callable[[Table], object]) -> Damage:
    def damage(folder: Path) -> None:
        table = read(folder / file)
        change(table)
        write(folder / file, table)

    return damage


def cell(line: int, column: int, value: str, file: str = TRAIN) -> Damage:
    return edited(file, lambda table: table[line - 1].__setitem__(column, value))


def raw(content: bytes, file: str = TRAIN) -> Damage:
    return lambda folder: (folder / file).write_bytes(content)


def both(*damages: Damage) -> Damage:
    return lambda folder: [damage(folder) for damage in damages]


def without(column: int) -> Callable[[Table], object]:
    return lambda table: [row.pop(column) for row in table]


def with_copy(column: int, name: str) -> Callable[[Table], object]:
    """Append a column with another's numbers."""

    def change(table: Table) -> None:
        for line, row in enumerate(table):
            row.append(row[column] if line else name)

    return change


LINE = f"{TRAIN} line 3"
SINGLE: dict[str, tuple[Damage, str]] = {
    f"cell {value!a}": (
        cell(3, 6, value),
        f"{LINE}: column 'cli.1': {value!a}, expected a finite number",
    )
    for value in ("abc", "", "NaN", "inf", "-Infinity", "1e39", "1_0", "0x1", "1;5", "\u0663")
}
SINGLE |= {
    "long cell": (
        cell(3, 6, "x" * 1000),
        f"{LINE}: column 'cli.1': '{'x' * 37}...', expected a finite number",
    ),
    "target": (cell(3, 8, ""), f"{LINE}: column '{TARGET}': '', expected a finite number"),
    "several cells": (
        both(cell(3, 3, "a"), cell(3, 4, "b"), cell(3, 8, "c")),
        f"{LINE}: column 'cli': 'a', expected a finite number, nor in 2 more columns",
    ),
    "too few cells": (edited(TRAIN, lambda table: table[2].pop()), f"{LINE}: 8 cells, expected 9"),
    "too many cells": (
        edited(TRAIN, lambda table: table[2].append("1")),
        f"{LINE}: 10 cells, expected 9",
    ),
    "two states": (
        cell(3, 1, "1"),
        f"{LINE}: columns 'AL' and 'CA' are 1, expected one state at most",
    ),
    "half a state": (cell(3, 1, "0.5"), f"{LINE}: column 'AL': '0.5', expected 0 or 1 of a state"),
}
WHOLE: dict[str, tuple[Damage, str]] = {
    "id twice": (
        cell(5, 0, "2"),
        f"{TRAIN} line 5: column 'id': '2' a second time, first in line 3",
    ),
    "id empty": (cell(3, 0, ""), f"{LINE}: column 'id': '', expected a word or a number"),
    "id of two words": (
        cell(3, 0, "a b", TEST),
        f"{TEST} line 3: column 'id': 'a b', expected a word or a number",
    ),
    "id not printable": (
        cell(3, 0, "\x1b[2J"),
        rf"{LINE}: column 'id': '\x1b[2J', expected a word or a number",
    ),
    "not UTF-8": (raw(b"id,x\n1,2\n\xff\n"), f"{TRAIN} line 3: not UTF-8 text"),
    "not UTF-8 behind a mark": (
        raw(b"\xef\xbb\xbfid,x\n1,\xe9\n", TEST),
        f"{TEST} line 2: not UTF-8 text",
    ),
    "quotation mark": (
        raw(b'id,x,tested_positive\n1,"2,3\n2,3,4\n'),
        f"{TRAIN} line 2: no CSV: unexpected end of data",
    ),
    "empty": (raw(b""), f"{TRAIN} line 1: empty, expected the columns' names"),
    "empty test": (raw(b"\n\n", TEST), f"{TEST} line 1: empty, expected the columns' names"),
    "header only": (
        raw(b"id,x,tested_positive\n"),
        f"{TRAIN} line 1: only the columns' names, expected rows below",
    ),
    "test header only": (
        edited(TEST, lambda table: table.__delitem__(slice(1, None))),
        f"{TEST} line 1: only the columns' names, expected rows below",
    ),
    "no id": (edited(TRAIN, without(0)), f"{TRAIN} line 1: no column 'id'"),
    "renamed id": (cell(1, 0, "ID"), f"{TRAIN} line 1: no column 'id'; did you mean 'ID'?"),
    "semicolons": (
        raw(b"id;x;y\n1;2;3\n"),
        f"{TRAIN} line 1: no column 'id', but 'id;x;y'; are commas between the cells?",
    ),
    "two ids": (cell(1, 3, "id"), f"{TRAIN} line 1: column 'id' comes 2 times, expected once"),
    "state twice": (cell(1, 2, "AL"), f"{TRAIN} line 1: column 'AL' comes 2 times, expected once"),
    "no name": (
        cell(1, 3, ""),
        f"{TRAIN} line 1: column 4 is called '', expected a printable name",
    ),
    "name not printable": (
        cell(1, 3, "\x07"),
        rf"{TRAIN} line 1: column 4 is called '\x07', expected a printable name",
    ),
    "endless name": (
        cell(1, 3, "x." + "1" * 5000),
        f"{TRAIN} line 1: column 4 is called 'x.{'1' * 35}...', expected a printable name",
    ),
    "suffix twice": (
        both(suffixed, cell(1, 7, "cli.1")),
        f"{TRAIN} line 1: column 'cli.1' comes 2 times, expected once",
    ),
    "both forms": (
        cell(1, 7, "cli.1"),
        f"{TRAIN} line 1: column 'cli.1' comes 2 times, expected once",
    ),
    "no target": (
        raw(b"id,x,test_positive\n1,2,3\n"),
        f"{TRAIN} line 1: no column 'tested_positive'; did you mean 'test_positive'?",
    ),
    "nothing but a target": (
        raw(b"id,tested_positive\n1,2\n"),
        f"{TRAIN} line 1: no column besides 'id' and 'tested_positive'",
    ),
    "one day lacks a column": (
        edited(TRAIN, without(6)),
        f"{TRAIN} line 1: column 'cli' comes once, most columns 2 times",
    ),
    "renamed on one day": (
        both(
            edited(TRAIN, with_copy(3, "shop")),
            edited(TRAIN, with_copy(4, "shop")),
            cell(1, 6, "clii"),
        ),
        f"{TRAIN} line 1: column 'cli' comes once, most columns 2 times; "
        "nearest name: 'clii', once",
    ),
    "the target's name a third time": (
        edited(TRAIN, with_copy(8, "tested_positive")),
        f"{TRAIN} line 1: column 'tested_positive' comes 3 times, most columns 2 times",
    ),
    "the target's numbers a second time": (
        both(
            suffixed,
            edited(TRAIN, with_copy(8, "other")),
            edited(TEST, with_copy(7, "other")),
        ),
        f"{TRAIN} line 1: column 'other' equals the target '{TARGET}' in every row: a copy of it",
    ),
    "test lacks a column": (
        edited(TEST, without(7)),
        f"{TEST} line 1: no column 'ili.1' as in {TRAIN}",
    ),
    "test lacks a state": (
        edited(TEST, without(1)),
        f"{TEST} line 1: no column 'AL' as in {TRAIN}",
    ),
    "test with a column more": (
        edited(TEST, with_copy(3, "cly")),
        f"{TEST} line 1: column 'cly' is not in {TRAIN}; nearest name there: 'cli'",
    ),
    "test with a strange column": (
        edited(TEST, with_copy(3, "foo")),
        f"{TEST} line 1: column 'foo' is not in {TRAIN}",
    ),
    "test with a renamed column": (
        both(cell(1, 4, "illi", TEST), cell(1, 7, "illi", TEST)),
        f"{TEST} line 1: no column 'ili' as in {TRAIN}; nearest name: 'illi'",
    ),
    "test with another name": (
        both(suffixed, cell(1, 4, "fever", TEST)),
        f"{TEST} line 1: no column 'ili' as in {TRAIN}; nearest name: 'fever'",
    ),
    "test with the target": (
        edited(TEST, with_copy(3, "tested_positive")),
        f"{TEST} line 1: column '{TARGET}' is the target, expected in {TRAIN} only",
    ),
}


@pytest.mark.parametrize("kind", [*SINGLE, *WHOLE])
def test_bad_input_is_named(home: Path, folder: Path, kind: str) -> None:
    damage, expected = (SINGLE | WHOLE)[kind]
    damage(folder)
    with pytest.raises(UserError) as caught:
        import_corpus(folder, "covid")
    head, *lines = str(caught.value).split("\n")
    more = 2 if kind == "test with a renamed column" else 1  # on both days
    assert len(lines) == more
    assert lines[0] == f"  {expected}"
    assert ("--skip-damaged" in head) == (kind in SINGLE)
    assert not list((home / "packs").glob("*")), "nothing may be left behind"


@pytest.mark.parametrize("kind", SINGLE)
def test_single_rows_can_be_left_out(home: Path, folder: Path, kind: str) -> None:
    damage, expected = SINGLE[kind]
    damage(folder)
    corpus = import_corpus(folder, "covid", skip_damaged=True)
    (left_out,) = corpus.header.left_out
    assert (left_out.id, left_out.part, left_out.why) == ("train/2", "train", expected)
    assert corpus.ids[:3] == ("train/0", "train/17", "train/5")


@pytest.mark.parametrize("kind", WHOLE)
def test_the_set_itself_cannot_be_left_out(home: Path, folder: Path, kind: str) -> None:
    damage, expected = WHOLE[kind]
    damage(folder)
    with pytest.raises(UserError, match="leaves out single rows only") as caught:
        import_corpus(folder, "covid", skip_damaged=True)
    assert f"  {expected}" in str(caught.value).split("\n")


def test_all_problems_in_one_message(home: Path, folder: Path) -> None:
    for kind in ("half a state", "id twice", "test lacks a state"):
        (SINGLE | WHOLE)[kind][0](folder)
    with pytest.raises(UserError) as caught:
        import_corpus(folder, "covid")
    head, *lines = str(caught.value).split("\n")
    assert head.startswith("3 problems in ")
    assert lines == [
        f"  {WHOLE['id twice'][1]}",
        f"  {WHOLE['test lacks a state'][1]}",
        f"  {SINGLE['half a state'][1]}",
    ]


@given(st.binary(max_size=200))
@settings(max_examples=50)
def test_any_bytes_end_in_problems(content: bytes) -> None:
    assume(placeholder(content) is None)
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / TRAIN).write_bytes(content)
        listing = READER.scan(Path(name))
        assert listing.problems or listing.items
        assert all("\n" not in str(problem) for problem in listing.problems)


@pytest.mark.parametrize("file", [TRAIN, TEST])
@pytest.mark.parametrize("target", ["nowhere", "/dev/zero", "."])
def test_what_is_no_file_does_not_count_as_absent(folder: Path, file: str, target: str) -> None:
    (folder / file).unlink()
    (folder / file).symlink_to(target)
    for act in (READER.files, READER.scan):
        with pytest.raises(UserError, match=f"{file}: cannot be read: "):
            act(folder)


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("1" * 5000, r"'1{37}\.\.\.', expected a finite number"),
        ("1" * 200_000, r"no CSV: field larger than field limit"),
        ("\0", r"expected a finite number|no CSV: line contains NUL"),
        ("1e400", "'1e400', expected a finite number"),
    ],
)
def test_odd_cells_make_short_messages(folder: Path, cell: str, why: str) -> None:
    lines = (folder / TRAIN).read_text().splitlines()
    cells = lines[1].split(",")
    lines[1] = ",".join([cells[0], *[cell] * (len(cells) - 1)])
    (folder / TRAIN).write_text("\n".join(lines))
    problem = str(READER.scan(folder).problems[0])
    assert re.search(why, problem)
    assert len(problem) < 600
    assert problem.isprintable()


@pytest.mark.parametrize("id", ["a/3", "..", "/3"])
def test_an_id_that_looks_like_another_is_refused(folder: Path, id: str) -> None:
    lines = (folder / TRAIN).read_text().splitlines()
    lines[1] = ",".join([id, *lines[1].split(",")[1:]])
    (folder / TRAIN).write_text("\n".join(lines))
    (problem,) = READER.scan(folder).problems
    assert problem.why == f"column 'id': '{id}', expected a word or a number"
