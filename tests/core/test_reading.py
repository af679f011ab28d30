"""What is opened is a regular file and no stand-in for one; nothing is waited for."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from bossline.core.errors import UserError
from bossline.core.files import read_json
from bossline.core.reading import check_file, open_file, read_bytes, read_text, within_memory

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
PAGES = (b"<!DOCTYPE html>\n<html>", b"\xef\xbb\xbf\r\n <!doctype HTML>", b"<HTML lang='en'>")


def test_a_file_is_read_from_its_first_byte(tmp_path: Path) -> None:
    content = bytes(range(256)) * 20
    (tmp_path / "a").write_bytes(content)
    assert read_bytes(tmp_path / "a") == content
    with open_file(tmp_path / "a") as stream:
        assert stream.read(2) == b"\0\1"


def test_text_has_no_mark_and_one_kind_of_line_end(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert read_text(tmp_path / "a") == "one\ntwo\nthree\n"


@pytest.mark.parametrize("content", [POINTER, *PAGES])
def test_placeholders_are_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(OSError, match="in place of the file"):
        check_file(tmp_path / "a.json")
    with pytest.raises(UserError, match=r"a\.json: cannot be read: .* in place of the file"):
        read_json(tmp_path / "a.json")


def test_what_is_no_regular_file_is_named_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "endless").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for name, kind in {"fifo": "a FIFO", "folder": "a folder", "endless": "a device"}.items():
            with pytest.raises(OSError, match=f"{kind}, expected a regular file"):
                check_file(tmp_path / name)
        with pytest.raises(OSError, match="socket"):
            check_file(tmp_path / "socket")


def test_opening_leaks_no_handle(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(POINTER)
    os.mkfifo(tmp_path / "fifo")
    before = len(os.listdir("/proc/self/fd"))
    for name in ("a", "fifo", "missing") * 5:
        with pytest.raises(OSError, match=r".+"):
            check_file(tmp_path / name)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5_000, "{", "nul"])
def test_json_that_python_stumbles_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match=r"a\.json: not readable as JSON"):
        read_json(tmp_path / "a.json")


def test_what_a_file_takes_apart_to_may_be_too_much(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="larger than the memory") as caught,
        within_memory(tmp_path / "a"),
    ):
        bytearray(1 << 60)
    assert caught.value.filename == str(tmp_path / "a")


def test_json_that_is_larger_than_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.json").write_text("[]")
    monkeypatch.setattr(json, "loads", lambda text: bytearray(1 << 60))
    with pytest.raises(UserError, match=r"a\.json: cannot be read: larger than the memory"):
        read_json(tmp_path / "a.json")
