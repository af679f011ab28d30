"""Names point to packs; what a name's file holds that cannot be is said in one line."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from bossline.core.errors import UserError
from bossline.data.store import names, open_corpus, pack_path, register
from bossline.tasks.food.task import FoodTask
from tests.data.packs import write_kind


def named(home: Path) -> Path:
    """A pack called `mine`; returns the file that its name is."""
    register("mine", write_kind(pack_path("a" * 64), "speech"))
    return home / "corpora" / "mine.json"


def test_a_name_and_a_folder_open_the_same(home: Path) -> None:
    named(home)
    assert open_corpus("mine").key == open_corpus(pack_path("a" * 64)).key


@pytest.mark.parametrize(
    "content",
    [
        "null", "5", '"a"', "[]", "{}", "[" * 100_000, "{", '{"pack": 5}', '{"pack": null}',
        '{"pack": "../../.."}', '{"pack": ".."}', '{"pack": "/"}', '{"pack": ""}',
        '{"pack": {"pack": "a"}}', "version https://git-lfs.github.com/spec/v1\n", "<html>",
    ],
)  # fmt: skip
def test_a_pointer_that_names_no_pack(home: Path, content: str) -> None:
    pointer = named(home)
    pointer.write_text(content)
    with pytest.raises(UserError) as caught:
        open_corpus("mine")
    assert str(caught.value).startswith(str(pointer))
    assert "bossline import FOLDER --name mine" in str(caught.value)


@pytest.mark.parametrize("replace", [os.mkfifo, os.mkdir])
def test_a_pointer_that_is_no_file(home: Path, replace: Callable[[Path], None]) -> None:
    pointer = named(home)
    pointer.unlink()
    replace(pointer)
    with pytest.raises(UserError, match=r"mine\.json: cannot be read: a .*; import the corpus"):
        open_corpus("mine")


def test_a_pack_that_is_gone(home: Path) -> None:
    named(home).write_text(json.dumps({"pack": "b" * 32}))
    with pytest.raises(UserError, match=rf"the pack of 'mine', .*{'b' * 32}, is gone: import"):
        open_corpus("mine")


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "", "..", "../../..", "/nowhere"])
def test_names_of_no_corpus(home: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"no corpus '|is a folder but no packed corpus"):
        open_corpus(name)


def test_only_names_are_listed(home: Path) -> None:
    pointer = named(home)
    for other in (".hidden.json", "-x.json", "mine.json.part"):
        (pointer.parent / other).write_text("{}")
    assert names() == ["mine"]


@pytest.mark.parametrize("name", ["聲音", "Zoë", "Zoe\u0308", "голос-2"])
def test_names_in_any_script(home: Path, name: str) -> None:
    """An accent is one sign or two, as the keyboard has it: it is one name."""
    register(name, write_kind(pack_path("a" * 64), "speech"))
    for other in (unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)):
        assert open_corpus(other).key == open_corpus(name).key
    assert names() == [unicodedata.normalize("NFC", name)]
    with pytest.raises(UserError, match=f"corpus '{name}' holds utterances"):
        FoodTask().check(open_corpus(name))
