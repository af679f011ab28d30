"""Tables of one's own: columns of any names, categories, and what is wrong by line and column."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bossline import cli
from bossline.core.errors import UserError
from bossline.data.importing import import_corpus
from bossline.data.packed import Corpus
from bossline.data.readers.base import TableOptions

TRAIN = """Id,area,colour,price,rooms
a,10,red,1.5,1
b,20.5,blue,2.5,2
c,30,red,3.5,3
d,40,grün,-4e1,4
"""
TEST = """colour,rooms,Id,area
blue,7,x,1
pink,8,y,2
"""
PRICE = TableOptions(target="price")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "houses"
    path.mkdir()
    (path / "train.csv").write_text(TRAIN, encoding="utf-8")
    (path / "test.csv").write_text(TEST, encoding="utf-8")
    return path


def rows(corpus: Corpus, part: str) -> list[list[float]]:
    return [corpus.frames(int(item))[0].tolist() for item in corpus.part(part)]


def test_numbers_and_categories(home: Path, folder: Path) -> None:
    corpus = import_corpus(folder, "houses", table=PRICE)
    features = corpus.header.features
    assert features.describe() == "5 columns, target price"
    assert getattr(features, "columns", ()) == (
        "area", "colour=blue", "colour=grün", "colour=red", "rooms",
    )  # fmt: skip
    assert rows(corpus, "train") == [
        [10, 0, 0, 1, 1],
        [20.5, 1, 0, 0, 2],
        [30, 0, 0, 1, 3],
        [40, 0, 1, 0, 4],
    ]
    assert rows(corpus, "test") == [[1, 1, 0, 0, 7], [2, 0, 0, 0, 8]]  # pink is nowhere else
    train = corpus.part("train")
    assert corpus.targets[train].tolist() == [1.5, 2.5, 3.5, -40]
    assert [corpus.ids[item] for item in train] == ["train/a", "train/b", "train/c", "train/d"]
    assert corpus.header.source.options["target"] == "price"


def test_another_target_or_id_is_another_corpus(home: Path, folder: Path) -> None:
    first = import_corpus(folder, "houses", table=PRICE)
    (folder / "test.csv").unlink()
    other = import_corpus(folder, "houses", table=TableOptions(target="area", id="rooms"))
    assert other.key != first.key
    assert [other.ids[item] for item in other.part("train")] == [f"train/{n}" for n in "1234"]
    assert other.header.features.dim == 4 + 3 + 1  # Id, colour and price


def test_one_csv_of_any_name_whose_rows_have_none(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine"
    path.mkdir()
    with (path / "Häuser 2024.csv").open("w", newline="", encoding="utf-8-sig") as stream:
        csv.writer(stream).writerows([["x", "y, z"], *([n, n * n] for n in range(5))])
    corpus = import_corpus(path, "mine", table=TableOptions(target="y, z"))
    assert [corpus.ids[n] for n in range(5)] == [f"train/{n}" for n in range(1, 6)]
    assert corpus.targets.tolist() == [0, 1, 4, 9, 16]


def test_half_of_a_column_decides_what_it_is(home: Path, folder: Path) -> None:
    (folder / "train.csv").write_text(TRAIN.replace("red", "1"), encoding="utf-8")
    with pytest.raises(UserError, match=r"train.csv line 3: column 'colour': 'blue', expected a f"):
        import_corpus(folder, "houses", table=PRICE)


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("train.csv", "20.5", "", "train.csv line 3: column 'area': '', expected a finite number"),
        ("train.csv", "-4e1", "n/a", "train.csv line 5: column 'price': 'n/a', expected a finite"),
        ("train.csv", "blue", "", "train.csv line 3: column 'colour': empty, expected a category"),
        ("train.csv", "b,20.5", "a,20.5", "column 'Id': 'a' a second time, first in line 2"),
        ("train.csv", ",rooms", ",area", "line 1: column 'area' comes 2 times, expected once"),
        ("train.csv", ",rooms", ",colour=red", "column 'colour=red' comes 2 times, once as a cat"),
        ("train.csv", "price", "prize", "--target: no column 'price'; did you mean 'prize'?"),
        (
            "test.csv",
            "pink",
            "p\0nk",
            "test.csv line 3: column 'colour': 'p\\x00nk', expected a cat",
        ),
        ("train.csv", "3.5,3", "3.5", "train.csv line 4: 4 cells, expected 5"),
        ("test.csv", "rooms", "Rooms", "test.csv line 1: no column 'rooms' as in train.csv; near"),
        ("test.csv", "rooms", "price", "column 'price' is the target, expected in train.csv only"),
    ],
)
def test_what_is_wrong_is_told(
    home: Path, folder: Path, file: str, old: str, new: str, problem: str
) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(problem)):
        import_corpus(folder, "houses", table=PRICE)


def test_texts_without_end_are_no_categories(home: Path, folder: Path) -> None:
    lines = [f"{n},street {n},{n}" for n in range(200)]
    (folder / "train.csv").write_text("\n".join(["Id,address,price", *lines]))
    (folder / "test.csv").unlink()
    with pytest.raises(
        UserError, match="'address' has 200 different texts, such as 'street 0': at"
    ):
        import_corpus(folder, "houses", table=PRICE)


def test_options_are_asked_for_and_refused_where_they_mean_nothing(
    home: Path, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="which column of Id, area, colour, price, rooms is to be"):
        import_corpus(folder, "houses")
    with pytest.raises(UserError, match="--id: no column 'name'"):
        import_corpus(folder, "houses", table=TableOptions("price", "name"))
    other = tmp_path / "covid"
    other.mkdir()
    (other / "covid.train.csv").write_text("id,x,tested_positive\n1,2,3\n")
    with pytest.raises(
        UserError, match="--target and --id are of a table of your own; this is a c"
    ):
        import_corpus(other, "other", table=PRICE)


def test_the_verb(home: Path, folder: Path) -> None:
    command = ["import", str(folder), "--name", "houses", "--target", "price", "--id", "Id"]
    out = CliRunner().invoke(cli.app, command)
    assert out.exit_code == 0, out.output
    assert "target price" in " ".join(out.output.split())
    values = np.array(rows(import_corpus(folder, "again", table=PRICE), "train"))
    assert values.shape == (4, 5)
