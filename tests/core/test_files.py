"""Files and folders that appear as a whole, and what a kill leaves of unfinished ones."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from bossline.core.errors import UserError
from bossline.core.files import creating_folder, remove_folder, replacing, replacing_folder
from bossline.core.leftovers import sweep

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")

HOLDS = """
import sys
from contextlib import suppress
from pathlib import Path
from bossline.core.files import replacing, replacing_folder
with {what}(Path(sys.argv[1])):
    print("begun", flush=True)
    sys.stdin.read()
"""


def begun(what: str, path: Path) -> subprocess.Popen[str]:
    """Another process in the middle of writing."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDS.format(what=what), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "begun\n"
    return child


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@POSIX
@pytest.mark.parametrize("what", ["replacing", "replacing_folder"])
def test_only_what_a_killed_process_left_is_swept(tmp_path: Path, what: str) -> None:
    child = begun(what, tmp_path / "target")
    (left,) = names(tmp_path)
    sweep(tmp_path, files=True)
    assert names(tmp_path) == [left]  # its process lives
    child.kill()
    child.wait()
    assert names(tmp_path) == [left]
    sweep(tmp_path, files=True)
    assert names(tmp_path) == []


@POSIX
def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    theirs = [".part", ".a.part", "a.12345678.part", ".a.1234.part", ".a.12345678.old", "a"]
    for name in theirs:
        (tmp_path / name).write_text("")
    (tmp_path / ".b.12345678.part").symlink_to("a")
    sweep(tmp_path, files=True)
    assert names(tmp_path) == sorted([*theirs, ".b.12345678.part"])


@POSIX
def test_the_next_to_write_a_folder_sweeps_what_is_left_beside_it(tmp_path: Path) -> None:
    child = begun("replacing_folder", tmp_path / "one")
    child.kill()
    child.wait()
    with replacing_folder(tmp_path / "two") as folder:
        (folder / "file").write_text("2")
    assert names(tmp_path) == ["two"]


def test_a_folder_whose_replacement_fails_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pack"
    path.mkdir()
    (path / "file").write_text("old")
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.suffix == ".part":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with (
        pytest.raises(UserError, match=r"cannot write .*pack: No space left.*nothing was changed"),
        replacing_folder(path) as folder,
    ):
        (folder / "file").write_text("new")
    assert (path / "file").read_text() == "old"
    assert names(tmp_path) == ["pack"]


@POSIX
def test_a_kill_between_the_two_renames_loses_nothing(tmp_path: Path) -> None:
    aside = tmp_path / ".pack.12345678.aside"
    aside.mkdir()
    (aside / "file").write_text("old")
    sweep(tmp_path, files=True)
    assert names(tmp_path) == ["pack"]
    aside.mkdir()
    sweep(tmp_path, files=True)  # killed after the second one
    assert names(tmp_path) == ["pack"]
    assert (tmp_path / "pack" / "file").read_text() == "old"


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "pack"
    for content in ("one", "two"):
        with replacing_folder(path) as folder:
            (folder / content).write_text(content)
        assert names(path) == [content]
    assert names(tmp_path) == ["pack"]


def test_a_folder_is_created_but_replaces_none(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with creating_folder(path) as folder:
        (folder / "file").write_text("one")
        assert not path.exists()
    with pytest.raises(UserError, match=r"cannot write .*run"), creating_folder(path) as folder:
        (folder / "file").write_text("two")
    assert (path / "file").read_text() == "one"
    assert names(tmp_path) == ["run"]


def test_a_file_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with suppress(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text("new")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


@POSIX
def test_a_removal_that_is_stopped_leaves_no_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / "run"
    for _ in range(2):  # the second finds what the first has left
        (folder / "inner").mkdir(parents=True)
        with monkeypatch.context() as patch:
            patch.setattr("bossline.core.leftovers.shutil.rmtree", stopped)
            with pytest.raises(KeyboardInterrupt):
                remove_folder(folder)
        assert not folder.exists()
    sweep(tmp_path)
    assert names(tmp_path) == []
    folder.mkdir()
    remove_folder(folder)
    assert names(tmp_path) == []
