"""A folder of one's own features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bossline.corpora.ptfile import DamagedFile
from bossline.corpora.readers import choose_reader
from bossline.corpora.readers.folder import Folder
from bossline.errors import UserError

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
        "b/d e.npy: white space in the name": "b/d e",
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
