"""What a killed process leaves half-written is removed; what another is writing is not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bossline.core import leftovers
from bossline.core.files import replacing, replacing_folder
from bossline.core.leftovers import part_folder, sweep

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked")

WRITER = """
import sys
from pathlib import Path
from bossline.core.files import replacing_folder

with replacing_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_bytes(bytes(1000))
    print(folder, flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_writer(path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process in the midst of writing a folder, and where it writes."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def test_only_the_killed_ones_are_swept(tmp_path: Path) -> None:
    packs = tmp_path / "packs"
    with another_writer(packs / "killed") as (process, killed):
        process.kill()
        process.wait()
    assert (killed / "half").is_file()
    with another_writer(packs / "alive") as (process, alive):
        assert not killed.exists()  # by the other, as it began
        killed.mkdir()
        with replacing_folder(packs / "mine") as mine:
            assert sorted(packs.iterdir()) == sorted([alive, mine])
            sweep(packs)
            assert mine.is_dir()
        assert (alive / "half").is_file()
        process.communicate("")
        assert process.returncode == 0
    assert sorted(path.name for path in packs.iterdir()) == ["alive", "mine"]
    assert (packs / "alive" / "half").is_file()


def test_what_is_no_leftover_stays(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = tmp_path / "packs"
    others = [folder / name for name in ("pack", ".pack.part", ".pack.abcdefgh.parts", ".git")]
    for other in others:
        other.mkdir(parents=True)
    (folder / ".link.abcdefgh.part").symlink_to(outside)
    (folder / ".file.abcdefgh.part").touch()
    before = sorted(folder.iterdir())
    sweep(folder)
    assert sorted(folder.iterdir()) == before
    assert outside.is_dir()


def test_a_folder_swept_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = leftovers._lock
    swept: list[Path] = []

    def late(folder: Path) -> int | None:
        if len(swept) < 3:
            swept.append(folder)
            handle = lock(folder) if len(swept) == 1 else None
            folder.rmdir()
            return handle
        return lock(folder)

    monkeypatch.setattr(leftovers, "_lock", late)
    with part_folder(tmp_path / "pack") as folder:
        assert list(tmp_path.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_swept_where_folders_cannot_be_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "_lock", lambda folder: None)
    with part_folder(tmp_path / "pack") as folder:
        sweep(tmp_path)
        assert folder.is_dir()


def test_writing_a_file_sweeps_what_was_left_of_it_and_nothing_else(tmp_path: Path) -> None:
    for name in (".a.json.abcd1234.part", ".b.json.abcd1234.part", "a.json.abcd1234.part"):
        (tmp_path / name).touch()
    with replacing(tmp_path / "a.json") as first, replacing(tmp_path / "a.json") as second:
        first.write_text("1")  # which is in work, and so stays
        second.write_text("2")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".b.json.abcd1234.part",
        "a.json",
        "a.json.abcd1234.part",
    ]
