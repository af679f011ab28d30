"""A folder of one's own features."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bossline.core.archives import DamagedFile
from bossline.core.errors import UserError
from bossline.data.importing import import_corpus
from bossline.data.readers import choose_reader
from bossline.data.readers.folder import Folder

READER = Folder()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "mine"
    (path / "b").mkdir(parents=True)
    np.save(path / "a.npy", np.ones((3, 4)))
    np.save(path / "b" / "a.npy", np.ones((2, 4)))
    torch.save(torch.ones(1, 4), path / "b" / "c.pt")
    (path / "b" / "._a.npy").write_bytes(b"what macOS leaves behind")
    (path / "labels.txt").write_text("a 0 1 5\nb/c 2\n")
    return path


def test_labels_alone(folder: Path) -> None:
    assert isinstance(choose_reader(folder), Folder)
    listing = READER.scan(folder)
    assert listing.problems == []
    assert (listing.features.kind, listing.features.dim) == ("other", 4)
    assert listing.classes == ("0", "1", "2", "3", "4", "5")
    assert [(u.id, u.part, u.speaker) for u in listing.items] == [
        ("a", "train", None),
        ("b/a", "test", None),
        ("b/c", "train", None),
    ]
    assert [u.load().shape for u in listing.items] == [(3, 4), (2, 4), (1, 4)]
    assert listing.items[1].labels is None
    assert len(READER.files(folder)) == 4


def test_all_tables(folder: Path) -> None:
    (folder / "classes.txt").write_text("rest\nleft hand\n\n")
    (folder / "labels.txt").write_text("a 0 1 0\nb/c 1\n")
    (folder / "splits.txt").write_text("b/c dev\na train\nb/a dev\n")
    (folder / "speakers.txt").write_text("a anna\nb/a ben\n")
    listing = READER.scan(folder)
    assert listing.problems == []
    assert listing.classes == ("rest", "left hand")
    assert [(u.id, u.part, u.speaker) for u in listing.items] == [
        ("a", "train", "anna"),
        ("b/a", "dev", "ben"),
        ("b/c", "dev", None),
    ]


def test_problems(folder: Path) -> None:
    (folder / "classes.txt").write_text("x\ny\n")
    (folder / "labels.txt").write_text("a 0 1 2\nzz 0\na 1\n")
    (folder / "splits.txt").write_text("a train\nb/a test\n")
    (folder / "speakers.txt").write_text("a s t\nyy anna\n")
    np.save(folder / "b" / "c.npy", np.ones((1, 4)))
    np.save(folder / "b" / "d e.npy", np.ones((1, 4)))
    found = {str(problem): problem.id for problem in READER.scan(folder).problems}
    assert found == {
        "labels.txt line 3: 'a' a second time, first in line 1": "",
        "speakers.txt line 1: expected 'id speaker', found 3 words": "",
        "labels.txt line 1: a: label 2 at position 3 is outside 0..1": "a",
        "b/c.npy: 'b/c' has no line in splits.txt": "b/c",
        "b/c.pt: the same id as b/c.npy": "",
        "b/d e.npy: 'b/d e' has no line in splits.txt": "b/d e",
        "labels.txt line 2: 'zz' has no feature file": "zz",
        "speakers.txt line 2: 'yy' has no feature file": "yy",
    }


def test_unlabelled_folder_wants_class_names(folder: Path) -> None:
    (folder / "labels.txt").write_text("")
    with pytest.raises(UserError, match=r"classes must stand in classes\.txt"):
        READER.scan(folder)
    (folder / "classes.txt").write_text("x\nx\n")
    with pytest.raises(UserError, match="a different name on each line"):
        READER.scan(folder)
    (folder / "classes.txt").write_text("x\n")
    assert {u.part for u in READER.scan(folder).items} == {"test"}


def test_no_features(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a 0\n")
    with pytest.raises(UserError, match=r"no \.npy or \.pt file of shape"):
        READER.scan(tmp_path)
    (tmp_path / "a.npy").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"in it; a\.npy: truncated or no \.npy array"):
        READER.scan(tmp_path)


def test_objects_are_not_run(folder: Path, payload: Any) -> None:
    np.save(folder / "z.npy", np.array([payload], object), allow_pickle=True)
    utterance = READER.scan(folder).items[-1]
    with pytest.raises(DamagedFile, match="pickled objects; they were not run"):
        utterance.load()
    assert not payload.target.exists()


def test_too_many_parts(folder: Path) -> None:
    (folder / "splits.txt").write_text("".join(f"u{k} p{k}\n" for k in range(257)))
    with pytest.raises(UserError, match="more than 256 parts"):
        READER.scan(folder)


def test_names_with_blanks(home: Path, folder: Path) -> None:
    """A line of a table begins with the whole name, whatever shorter one it begins with too."""
    for name in ("Recording 1", "Recording 1 (2)", "b/d  e", "Recording"):
        np.save(folder / f"{name}.npy", np.ones((2, 4)))
    (folder / "classes.txt").write_text("x\ny\nz\n")
    (folder / "labels.txt").write_text(
        "Recording 1 (2) 1 0\nRecording 1 0 1\nb/d  e 2 2\nRecording 2 1\n"
    )
    (folder / "speakers.txt").write_text("Recording 1 anna\nRecording 1 (2)\tben\n")
    corpus = import_corpus(folder, "mine")
    labels = {id: corpus.frame_labels(u).tolist() for u, id in enumerate(corpus.ids)}
    assert labels["Recording 1"] == [0, 1]
    assert labels["Recording 1 (2)"] == [1, 0]
    assert labels["b/d  e"] == [2, 2]
    assert labels["Recording"] == [2, 1]
    speakers = dict(zip(corpus.ids, corpus.speakers.tolist(), strict=True))
    assert corpus.header.speakers[speakers["Recording 1"]] == "anna"
    assert corpus.header.speakers[speakers["Recording 1 (2)"]] == "ben"


@pytest.mark.parametrize("name", ["\x1b[2J", "end ", "\udcff", "no\u00a0break"])
def test_names_that_cannot_be_shown(home: Path, folder: Path, name: str) -> None:
    np.save(folder / f"{name}.npy", np.ones((2, 4)))
    with pytest.raises(UserError) as caught:
        import_corpus(folder, "mine")
    _, line = str(caught.value).split("\n")
    assert "the id" in line
    assert line.isprintable()
    corpus = import_corpus(folder, "mine", skip_damaged=True)
    assert len(corpus.header.left_out) == 1
    assert corpus.ids == ("a", "b/a", "b/c")


def test_a_folder_whose_own_name_is_not_utf8(home: Path, folder: Path) -> None:
    odd = folder.rename(folder.parent / "\udcff")
    assert import_corpus(odd, "mine").header.source.path.isprintable()


@pytest.mark.parametrize("file", ["labels.txt", "classes.txt", "splits.txt", "speakers.txt"])
def test_what_is_no_file_does_not_count_as_absent(folder: Path, file: str) -> None:
    (folder / file).unlink(missing_ok=True)
    (folder / file).symlink_to("nowhere")
    for act in (READER.files, READER.scan):
        with pytest.raises(UserError, match=f"{file}: cannot be read: No such file"):
            act(folder)
    assert isinstance(choose_reader(folder), Folder)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "fifo": (os.mkfifo, "cannot be read: a FIFO, expected a regular file"),
    "device": (lambda file: file.symlink_to("/dev/zero"), "cannot be read: a device, expected"),
    "dangling": (lambda file: file.symlink_to("nowhere"), "cannot be read: No such file"),
    "folder": (os.mkdir, "cannot be read: a folder, expected a regular file"),
    "truth values": (lambda file: np.save(file, np.ones((2, 4), bool)), "holds bool, expected"),
    "complex": (lambda file: np.save(file, np.ones((2, 4), complex)), "holds complex128, exp"),
    "text": (lambda file: np.save(file, np.array([["a"] * 4])), "holds <U1, expected numbers"),
    "a batch": (
        lambda file: np.save(file, np.ones((1, 2, 4))),
        "shape (1, 2, 4), expected (frames, 4): a batch of one? save x[0]",
    ),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_what_holds_no_frames_is_named(home: Path, folder: Path, kind: str) -> None:
    damage, why = FAULTS[kind]
    damage(folder / "z.npy")
    with pytest.raises(UserError) as caught:
        import_corpus(folder, "mine")
    assert f"  z.npy: {why}" in str(caught.value)


def test_a_folder_that_holds_files_may_be_called_like_one(home: Path, folder: Path) -> None:
    (folder / "b").rename(folder / "b.npy")
    labels = (folder / "labels.txt").read_text(encoding="utf-8")
    (folder / "labels.txt").write_text(labels.replace("b/", "b.npy/"), encoding="utf-8")
    assert "b.npy/a" in import_corpus(folder, "mine").ids


def test_suffixes_in_capitals_and_what_is_passed_over(folder: Path) -> None:
    (folder / "b/a.npy").rename(folder / "b/a.NPY")
    for name in ("c.npz", "d.npz", "b/e.pth", "Thumbs.db", ".DS_Store", "README"):
        (folder / name).touch()
    (folder / "more").symlink_to(folder.parent, target_is_directory=True)
    listing = READER.scan(folder)
    assert listing.problems == []
    assert [item.id for item in listing.items] == ["a", "b/a", "b/c"]
    assert listing.items[1].load().shape == (2, 4)
    assert listing.passed_over == [
        "2 .npz files in the folder itself",
        "1 linked folder in the folder itself",
        "1 suffixless file in the folder itself",
        "1 .pth file in b/",
    ]
    assert len(READER.files(folder)) == 4


def test_lines_cut_short_are_called_so(folder: Path) -> None:
    (folder / "labels.txt").write_text("a 0 1 5\nb")
    (folder / "splits.txt").write_text("a train\nb/a test\nb/c te")
    (folder / "speakers.txt").write_text("a anna\nb/a")
    found = [str(problem) for problem in READER.scan(folder).problems]
    end = ": the file's last line has no end, is it cut short?"
    assert f"labels.txt line 2: 'b' has no feature file{end}" in found
    assert f"speakers.txt line 2: expected 'id speaker', found 1 words{end}" in found


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("a 0 " + "1" * 5000 + " 1", "a: label 1111"),
        ("a 0 " + "x" * 5000 + " 1", "a: 'xxxx"),
        ("a 0 \x00 1", r"a: '\x00' at position 2 is not an integer"),
        ("../a 0", "'../a': leads out"),
        ("\x00" * 5000, "'\\x00"),
    ],
)
def test_odd_lines_make_short_messages(folder: Path, line: str, why: str) -> None:
    (folder / "labels.txt").write_text(f"b/c 2\n{line}\n")
    problem = READER.scan(folder).problems[0]
    assert str(problem).startswith(f"labels.txt line 2: {why}")
    assert len(str(problem)) < 600
    assert str(problem).isprintable()
