"""YAML that is data and no more, however it was written; everything else is one line."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.recipes import catalogue, load_recipe
from bossline.recipes.text import NotPlainData, parse_yaml

LAUGHS = "\n".join(
    ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    + [f"{k}: &{k} [{', '.join(f'*{chr(ord(k) - 1)}' for _ in range(9))}]" for k in "bcdefghij"]
)

HOSTILE = [
    ("model.width=!!int 'abc'", "no int"),
    (f"model.width={'9' * 5000}", "no int"),
    ("model.width=!!timestamp x", "timestamp"),
    ("model.width=!!set {a, b}", "set"),
    ("model.width=!!binary aGk=", "binary"),
    ("model.width=!!python/object/apply:os.system [ls]", "python/object"),
    (f"model.width={'[' * 20_000}", "nested too deeply"),
    ("model.width=&a [*a]", "nested too deeply"),
    ("model.width={1: 2}", "no text"),
    ("model.width={a: 1, a: 2}", "key 'a' a second time"),
    ("model.width=[", "not valid YAML"),
    (f"seed={2**70}", "64 bits"),
    (f"split.seed={2**64}", "64 bits"),
]


@pytest.mark.parametrize(("override", "message"), HOSTILE)
def test_hostile_values_are_one_line(override: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_recipe("phoneme/strong", [override])
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(("override", "message"), HOSTILE)
def test_so_they_are_in_a_file(tmp_path: Path, override: str, message: str) -> None:
    key, _, value = override.partition("=")
    path = tmp_path / "own.yaml"
    path.write_text(f"task: phoneme\n{key}: {value}\n")
    with pytest.raises(UserError, match=r"own\.yaml"):
        load_recipe(str(path))


def test_aliases_of_aliases_end_soon(tmp_path: Path) -> None:
    (tmp_path / "laughs.yaml").write_text(LAUGHS)
    began = time.process_time()
    with pytest.raises(UserError, match="more than 100,000 values"):
        load_recipe(str(tmp_path / "laughs.yaml"))
    assert time.process_time() - began < 10


def test_a_file_that_is_no_page(tmp_path: Path) -> None:
    (tmp_path / "long.yaml").write_text("# " + "x" * (1 << 20))
    (tmp_path / "utf16.yaml").write_bytes("task: phoneme".encode("utf-16"))
    (tmp_path / "page.yaml").write_text("<html>Sign in</html>")
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "fifo.yaml")
    for name, message in {
        "long": "more than 1 MiB",
        "utf16": "not UTF-8",
        "page": "a web page in place of the file",
        "folder": "a folder, expected a regular file",
        "fifo": "a FIFO, expected a regular file",
    }.items():
        with pytest.raises(UserError, match=f"{name}.yaml: .*{message}"):
            load_recipe(str(tmp_path / f"{name}.yaml"))


def test_a_date_is_text() -> None:
    assert load_recipe("phoneme/strong", ["about=2026-13-45"]).about == "2026-13-45"


@pytest.mark.parametrize("name", [*catalogue.names(), *catalogue.studies()])
def test_bosslines_own_pages_say_what_yaml_says(name: str) -> None:
    text = (catalogue.FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert parse_yaml(text) == yaml.safe_load(text)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(plain)
def test_plain_data_are_read_as_yaml_reads_them(value: Any) -> None:
    text = yaml.safe_dump(value, allow_unicode=True)
    assert parse_yaml(text) == yaml.safe_load(text)


@given(st.text())
def test_any_text_is_data_or_named(text: str) -> None:
    with suppress(NotPlainData):
        parse_yaml(text)


def test_no_message_steers_the_terminal_or_fills_the_screen(tmp_path: Path) -> None:
    (tmp_path / "many.yaml").write_text(
        "task: phoneme\n" + "".join(f"key{k}: 1\n" for k in range(20_000))
    )
    with pytest.raises(UserError, match=r"more$") as caught:
        load_recipe(str(tmp_path / "many.yaml"))
    assert len(str(caught.value)) < 20_000
    for override in ('model.kind="\\e[31m"', "model.\x1b[31m=1", 'model.kind="\\0"', "\x1b=\x1b["):
        with pytest.raises(UserError, match=r".+") as caught:
            load_recipe("phoneme/strong", [override])
        assert str(caught.value).replace("\n", "").isprintable()
