"""Folders behind URLs: what is no such, and what servers do."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import fsspec
import pytest

from bossline.core.errors import UserError
from bossline.data.remote import RemoteFolder
from tests.data.servers import serving


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://host/corpus", "corpora lie behind http://"),
        ("HTTP://host/corpus", "corpora lie behind http://"),
        ("://", "corpora lie behind http://"),
        ("zip://a::http://host/corpus.zip", "corpora lie behind http://"),
        ("simplecache::s3://bucket/corpus", "corpora lie behind http://"),
        ("python://os", "corpora lie behind http://"),
        ("https://me:secret@host/corpus", "without user, password"),
        ("https://host/corpus?token=secret", "without user, password"),
        ("http://host/corpus#secret", "without user, password"),
    ],
)
def test_no_url_of_a_folder(url: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        RemoteFolder(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("s3://bucket/corpus", "s3fs", "s3"),
        ("hf://datasets/me/corpus", "huggingface_hub", "hf"),
        ("http://host/corpus", "aiohttp", "http"),
        ("https://host/corpus", "aiohttp", "http"),
    ],
)
def test_a_missing_driver_is_named_by_its_extra(
    url: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        UserError, match=rf"needs the {extra} extra: pip install 'bossline\[{extra}"
    ):
        RemoteFolder(url)


def read(folder: RemoteFolder, name: str, most: int = 1 << 30) -> bytes:
    return b"".join(folder.blocks(name, most))


def test_every_way_gives_the_same_bytes(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "x").write_bytes(content)
    fsspec.filesystem("memory").pipe("/tests-remote/deep/x", content)
    with serving(tmp_path) as served:
        for url in (f"{served.url}/deep", f"file://{tmp_path}/deep/", "memory://tests-remote/deep"):
            folder = RemoteFolder(url)
            assert folder.size("x") == len(content)
            assert read(folder, "x") == content
        served.faults["x"] = "unsaid"
        folder = RemoteFolder(f"{served.url}/deep")
        assert folder.size("x") is None
        assert read(folder, "x") == content
    fsspec.filesystem("memory").rm("/tests-remote", recursive=True)


def test_no_more_is_read_than_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(1000))
    with serving(tmp_path) as served:
        folder = RemoteFolder(served.url)
        assert len(read(folder, "x", 1000)) == 1000
        for fault in ("", "endless"):
            served.faults["x"] = fault
            with pytest.raises(UserError, match=f"{served.url}/x: longer than the 999 bytes"):
                read(folder, "x", 999)


def test_a_transfer_that_ends_too_early(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(1000))
    with serving(tmp_path) as served:
        served.faults["x"] = "cut"
        with pytest.raises(UserError, match=f"{served.url}/x: cannot be fetched: .*not completed"):
            read(RemoteFolder(served.url), "x")


def test_what_is_not_there(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        for url in (served.url, f"file://{tmp_path}", "memory://tests-nothing"):
            for ask in (
                RemoteFolder(url).size,
                lambda name, url=url: read(RemoteFolder(url), name),
            ):
                with pytest.raises(UserError, match=rf"{url}/x: cannot be fetched: no such file$"):
                    ask("x")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:1", "Connect call failed"),
        ("http://nowhere.invalid/corpus", "cannot be fetched: "),
    ],
)
def test_a_host_that_cannot_be_reached(url: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        RemoteFolder(url).size("x")
    assert "no such file" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    for name in ("folder", "fifo"):
        with pytest.raises(UserError, match=f"{name}: a .*, expected a file"):
            RemoteFolder(f"file://{tmp_path}").size(name)
