"""Shards are hashed once on a machine, and again as soon as they were touched."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bossline import api
from bossline.core.errors import UserError
from bossline.data import importing, stamps
from bossline.data.importing import import_corpus
from bossline.data.packed import Corpus
from bossline.data.stamps import STAMP
from bossline.data.store import is_packed, open_corpus, pack_path, register
from bossline.runs.run import Run
from tests.data.packs import SHARD, flip_bit, write_kind


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Packs whose shards were hashed, in order."""
    found: list[Path] = []
    verify = Corpus.verify

    def counted(corpus: Corpus, *arguments: Callable[[int], None]) -> None:
        found.append(corpus.path)
        verify(corpus, *arguments)

    monkeypatch.setattr(Corpus, "verify", counted)
    return found


@pytest.fixture
def pack(home: Path) -> Path:
    path = write_kind(pack_path("a" * 64), "speech")
    register("mine", path)
    return path


def test_what_was_just_written_is_not_hashed_again(pack: Path, hashed: list[Path]) -> None:
    open_corpus("mine", verified=True)
    assert hashed == []


def test_once_without_a_stamp(pack: Path, hashed: list[Path]) -> None:
    (pack / STAMP).unlink()
    open_corpus("mine")
    assert hashed == []
    for _ in range(3):
        open_corpus("mine", verified=True)
    assert hashed == [pack]


def touch(pack: Path) -> None:
    os.utime(pack / SHARD)


def copy(pack: Path) -> None:
    shutil.copytree(pack, pack.parent / "other")
    shutil.rmtree(pack)
    os.rename(pack.parent / "other", pack)


def another_machine(pack: Path) -> None:
    stamp = json.loads((pack / STAMP).read_text())
    (pack / STAMP).write_text(json.dumps({**stamp, "machine": "another"}))


def no_json(pack: Path) -> None:
    (pack / STAMP).write_text("[" * 100_000)


def other_json(pack: Path) -> None:
    (pack / STAMP).write_text("[1]")


def fifo(pack: Path) -> None:
    (pack / STAMP).unlink()
    os.mkfifo(pack / STAMP)


@pytest.mark.parametrize("change", [touch, copy, another_machine, no_json, other_json, fifo])
def test_once_more_where_the_stamp_does_not_fit(
    pack: Path, hashed: list[Path], change: Callable[[Path], None]
) -> None:
    change(pack)
    for _ in range(2):
        open_corpus("mine", verified=True)
    assert hashed == [pack]


def test_each_time_where_no_stamp_can_be_written(
    pack: Path, hashed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, value: object) -> None:
        raise UserError(f"cannot write {path}: Read-only file system; nothing was changed")

    (pack / STAMP).unlink()
    monkeypatch.setattr(stamps, "write_json", refuse)
    for _ in range(2):
        open_corpus("mine", verified=True)
    assert hashed == [pack, pack]


def test_a_flipped_bit(pack: Path) -> None:
    flip_bit(pack / SHARD)
    open_corpus("mine")
    for _ in range(2):
        with pytest.raises(UserError, match=r"damaged since it was written: .*--fresh"):
            open_corpus("mine", verified=True)
    assert not is_packed(pack)


def test_import_mends_it(home: Path, libriphone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = import_corpus(libriphone, "lp")
    frames = first.frames(0).copy()
    flip_bit(first.path / SHARD)
    again = import_corpus(libriphone, "lp")
    assert (again.frames(0) == frames).all()
    again.verify()
    # Nor is it made anew while it is sound.
    monkeypatch.setattr(importing, "writing", None)
    assert import_corpus(libriphone, "lp").key == first.key


def test_nothing_is_trained_or_scored_on_it(toy: Corpus, home: Path) -> None:
    flip_bit(toy.path / SHARD)
    with pytest.raises(UserError, match="damaged since it was written"):
        api.train("phoneme/simple", "toy", run="runs/a")
    assert not (home.parent / "runs").exists()


def test_nor_what_was_trained_before(trained_voices: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(trained_voices, tmp_path / "copy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOSSLINE_HOME", str(folder / "home"))
        run = Run(folder / "runs" / "a")
        run.corpus()
        flip_bit(run.corpus().path / SHARD)
        for use in (api.evaluate, lambda run: api.predict(run, "test")):
            with pytest.raises(UserError, match="damaged since it was written"):
                use(run)


def test_the_list_of_corpora_names_a_damaged_one(pack: Path) -> None:
    from bossline.cli import app

    register("sound", write_kind(pack_path("b" * 64), "table"))
    (pack / SHARD).unlink()
    result = CliRunner().invoke(app, ["corpus"])
    assert "sound" in result.output
    assert "mine: " in result.output
