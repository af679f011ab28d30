"""Images in folders that are named after their classes, in any script."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bossline.core.errors import UserError
from bossline.data.importing import import_corpus
from bossline.data.readers import choose_reader
from bossline.data.readers.class_folders import ClassFolders
from bossline.data.splits import SplitConfig, split_corpus

READER = ClassFolders()


def paint(file: Path, turned: bool = False) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if turned:
        exif[0x0112] = 6  # EXIF's orientation: a quarter to the right
    rng = np.random.default_rng(len(str(file)))
    Image.fromarray(rng.integers(0, 256, (6, 9, 3), np.uint8)).save(file, exif=exif)


def make(path: Path, *names: str) -> Path:
    for name in names:
        paint(path / name)
    return path


def found(path: Path) -> dict[str, tuple[str, str | None]]:
    corpus = import_corpus(path, "photos")
    classes = (*corpus.header.classes, None)
    return {
        id: (corpus.header.parts[part], classes[category])
        for id, part, category in zip(corpus.ids, corpus.parts, corpus.categories, strict=True)
    }


def test_a_folder_is_a_class(home: Path, tmp_path: Path) -> None:
    path = make(tmp_path / "photos", "rice/a b.png", "noodles/1.jpg", "炒麵/1.PNG", "notes.txt.png")
    (path / "notes.txt.png").unlink()
    assert choose_reader(path).name == "class-folders"
    assert found(path) == {
        "noodles/1": ("train", "noodles"),
        "rice/a b": ("train", "rice"),
        "炒麵/1": ("train", "炒麵"),
    }


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [("training/", "validation", "test"), ("train/", "val", "testing"), ("", "valid", "test")],
)
def test_parts(home: Path, tmp_path: Path, train: str, validation: str, test: str) -> None:
    path = make(
        tmp_path / "photos",
        f"{train}rice/1.png", f"{train}soup/1.png", f"{validation}/rice/1.png",
        f"{test}/soup/1.png", "unlabelled/1.png",
    )  # fmt: skip
    assert choose_reader(path).name == "class-folders"
    assert found(path) == {
        f"{train}rice/1": ("train", "rice"),
        f"{train}soup/1": ("train", "soup"),
        f"{validation}/rice/1": ("validation", "rice"),
        f"{test}/soup/1": ("test", "soup"),
        "unlabelled/1": ("unlabelled", None),
    }


def test_a_test_part_without_folders_has_no_classes(home: Path, tmp_path: Path) -> None:
    path = make(tmp_path / "photos", "training/a/1.png", "training/b/1.png", "test/DSC 7.png")
    assert found(path)["test/DSC 7"] == ("test", None)


def test_without_a_validation_part_a_share_of_train_validates(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "photos"
    for number in range(10):
        make(
            path, f"training/a/{number:{number + 1}}.png", f"training/b/b{number:{number + 1}}.png"
        )
    make(path, "test/a/1.png")
    corpus = import_corpus(path, "photos")
    chosen = split_corpus(corpus, SplitConfig(), corpus.labelled)
    assert chosen["test"].tolist() == corpus.part("test").tolist()
    assert len(chosen["validation"]) == 2


def test_photographs_are_turned_upright(home: Path, tmp_path: Path) -> None:
    path = make(tmp_path / "photos", "a/1.png", "b/1.png")
    paint(path / "a/2.jpg", turned=True)
    corpus = import_corpus(path, "photos")
    assert corpus.shapes[corpus.ids.index("a/2")].tolist() == [9, 6]


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    path = make(
        tmp_path / "photos",
        "a/1.png", "a/1.jpg", "b/1.png", "loose.png", "test/c/1.png", "test/d.png", "test/a/1.png",
        "b/album/1.png",
    )  # fmt: skip
    (path / "b/2.heic").touch()
    assert sorted(map(str, READER.scan(path).problems)) == [
        "a/1.png: the same id as a/1.jpg",
        "b/2.heic: an image of a kind that is not read: save it as JPEG or PNG",
        "b/album: images too deep in the folders: '1.png'",
        "loose.png: in no class's folder",
        "test/c: there are no images of 'c' to train on",
        "test/d.png: in no class's folder",
    ]


def test_one_class_is_none(tmp_path: Path) -> None:
    path = make(tmp_path / "photos", "training/a/1.png")
    with pytest.raises(UserError, match="1 folder with images, expected 2 to"):
        READER.scan(path)


@pytest.mark.parametrize("names", [("training/0_1.png",), ("training/labeled/03/1.png",)])
def test_sets_of_the_courses_are_left_to_their_reader(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    path = make(tmp_path / "food", *names)
    assert not READER.recognises(path)
    assert choose_reader(path).name == "food"


def test_a_folder_of_one_folder_of_photographs_is_no_set(tmp_path: Path) -> None:
    make(tmp_path / "all", "photos/1.png")
    with pytest.raises(UserError, match="no known layout"):
        choose_reader(tmp_path / "all")
