"""The food sets in both layouts: what goes in comes out, and damage is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bossline.corpora.importing import import_corpus
from bossline.corpora.readers import choose_reader
from bossline.corpora.readers.base import READERS
from bossline.corpora.readers.food import Food
from bossline.errors import UserError
from bossline.features.spec import ImageSpec

READER = Food()
FOOD11 = (
    "Bread|Dairy product|Dessert|Egg|Fried food|Meat|Noodles/Pasta|Rice|Seafood|Soup|"
    "Vegetable/Fruit"
).split("|")

# Path: part and class. The sizes of the images differ, as nothing says that they may not.
FLAT = {
    "training/0_0.jpg": ("train", 0),
    "training/0_1.PNG": ("train", 0),
    "training/2_0.JPEG": ("train", 2),
    "validation/1_0.jpg": ("validation", 1),
    "test/0000.jpg": ("test", None),
    "test/0001.jpg": ("test", None),
}
FOLDERS = {
    "training/labeled/00/a.jpg": ("train", 0),
    "training/labeled/02/b.jpg": ("train", 2),
    "training/unlabeled/00/a.jpg": ("unlabelled", None),
    "training/unlabeled/00/b.jpg": ("unlabelled", None),
    "validation/01/a.jpg": ("validation", 1),
    "testing/0000.jpg": ("test", None),
}
FIRST = "training/0_0.jpg"


def paint(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (4 + seed, 7, 3), np.uint8)
    Image.fromarray(pixels).save(path, "PNG" if path.suffix.lower() == ".png" else "JPEG")


def make(path: Path, files: dict[str, tuple[str, int | None]]) -> Path:
    for seed, name in enumerate(files):
        paint(path / name, seed)
    return path


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    return make(tmp_path / "food", FLAT)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    return make(tmp_path / "food", FOLDERS)


@pytest.mark.parametrize("files", [FLAT, FOLDERS], ids=["flat", "folders"])
def test_what_goes_in_comes_out(
    home: Path, tmp_path: Path, files: dict[str, tuple[str, int | None]]
) -> None:
    path = make(tmp_path / "food", files)
    assert isinstance(choose_reader(path), Food)
    corpus = import_corpus(path, "food")
    assert corpus.ids == tuple(name.rpartition(".")[0] for name in files)
    assert corpus.header.features == ImageSpec()
    assert corpus.header.classes == ("0", "1", "2")
    found = [
        (corpus.header.parts[part], None if category < 0 else int(category))
        for part, category in zip(corpus.parts, corpus.categories, strict=True)
    ]
    assert found == list(files.values())
    for number, name in enumerate(files):
        np.testing.assert_array_equal(corpus.image(number), np.asarray(Image.open(path / name)))
    corpus.verify()


@pytest.mark.parametrize(
    ("published", "renamed"),
    [
        ("training", "train"),
        ("validation", "valid"),
        ("test", "testing"),
        ("test", "testing/00"),
    ],
)
def test_other_names_of_the_parts(flat: Path, published: str, renamed: str) -> None:
    (flat / renamed).parent.mkdir(exist_ok=True)
    (flat / published).rename(flat / renamed)
    listing = READER.scan(flat)
    assert listing.problems == []
    assert [(item.part, item.category) for item in listing.items] == list(FLAT.values())
    assert any(item.id.startswith(f"{renamed}/") for item in listing.items)


def test_only_training_must_be_there(folders: Path) -> None:
    for name in ("training/unlabeled", "validation", "testing"):
        shutil.rmtree(folders / name)
    assert {item.part for item in READER.scan(folders).items} == {"train"}


def test_without_training_images_there_is_nothing_to_learn(flat: Path) -> None:
    for file in (flat / "training").iterdir():
        file.unlink()
    (flat / "training/notes.txt").touch()
    with pytest.raises(UserError, match="no known layout"):
        choose_reader(flat)
    with pytest.raises(UserError, match="no images to train on, expected training/CLASS_ID"):
        READER.scan(flat)
    shutil.rmtree(flat / "training")
    with pytest.raises(UserError, match="no images to train on"):
        READER.scan(flat)


def test_what_is_no_image_of_the_set_is_left_alone(flat: Path) -> None:
    before = READER.files(flat)
    (flat / "training/._0_0.jpg").write_bytes(b"of macOS")
    (flat / "training/.thumbnails").mkdir()
    shutil.copy(flat / FIRST, flat / "training/.thumbnails/0_0.jpg")
    (flat / "training/Thumbs.db").touch()
    (flat / "test/folder.jpg").mkdir()
    (flat / "sample.csv").touch()
    assert READER.files(flat) == before == [flat / name for name in FLAT]
    assert READER.scan(flat).problems == []


def test_every_image_counts(home: Path, flat: Path) -> None:
    first = import_corpus(flat, "food")
    assert import_corpus(flat, "food").path == first.path
    paint(flat / "test/0001.jpg", seed=9)
    second = import_corpus(flat, "food")
    (flat / "classes.txt").write_text("a\nb\nc\n")
    assert len({first.path, second.path, import_corpus(flat, "food").path}) == 3


def test_eleven_classes_are_those_of_food11(flat: Path) -> None:
    paint(flat / "validation/10_0.jpg")
    assert READER.scan(flat).classes == tuple(FOOD11)
    paint(flat / "training/11_0.jpg")
    assert READER.scan(flat).classes == tuple(map(str, range(12)))


def test_names_of_classes(flat: Path) -> None:
    names = flat / "classes.txt"
    names.write_text("egg\nfried rice\nsoup\ntea\n\n")
    assert READER.scan(flat).classes == ("egg", "fried rice", "soup", "tea")
    for text in ("", "egg\negg\nsoup\n"):
        names.write_text(text)
        with pytest.raises(UserError, match=r"classes\.txt: expected a different name"):
            READER.scan(flat)


Damage = Callable[[Path], object]
MISNAMED = "the name is no CLASS_ID, such as 3_12"
SINGLE: dict[str, tuple[Damage, str, str]] = {
    "text": (
        lambda path: (path / FIRST).write_text("404 Not Found"),
        "training/0_0",
        f"{FIRST}: is no JPEG or PNG image",
    ),
    "truncated": (
        lambda path: (path / FIRST).write_bytes((path / FIRST).read_bytes()[:-30]),
        "training/0_0",
        f"{FIRST}: truncated or damaged",
    ),
    "misnamed": (
        lambda path: paint(path / "training/rice.jpg"),
        "training/rice",
        f"training/rice.jpg: {MISNAMED}",
    ),
    "no id": (
        lambda path: paint(path / "validation/3.jpg"),
        "validation/3",
        f"validation/3.jpg: {MISNAMED}",
    ),
    "a copy": (
        lambda path: paint(path / "training/0_0 (1).jpg"),
        "training/0_0 (1)",
        "training/0_0 (1).jpg: white space or unprintable characters in the name",
    ),
    "unprintable": (
        lambda path: paint(path / "training/0_\x1b[2J.jpg"),
        r"'training/0_\x1b[2J'",
        r"'training/0_\x1b[2J.jpg': white space or unprintable characters in the name",
    ),
    "test": (
        lambda path: paint(path / "test/0_5.jpg"),
        "test/0_5",
        "test/0_5.jpg: the name is no number, such as 0012",
    ),
    "class": (
        lambda path: paint(path / "training/99_0.jpg"),
        "training/99_0",
        "training/99_0.jpg: class 99, expected 0..2",
    ),
}
WHOLE: dict[str, tuple[Damage, str]] = {
    "two suffixes": (
        lambda path: paint(path / "training/0_0.png"),
        "training/0_0.png: the same id as training/0_0.jpg",
    ),
    "folder": (
        lambda path: paint(path / "training/rice/0.jpg"),
        "training/rice: the folder's name is no class number, such as 03",
    ),
    "two trainings": (
        lambda path: paint(path / "train/0_0.jpg"),
        "train: training is there as well, expected only one of them",
    ),
}


@pytest.mark.parametrize("kind", [*SINGLE, *WHOLE])
def test_bad_input_is_named(home: Path, flat: Path, kind: str) -> None:
    (flat / "classes.txt").write_text("a\nb\nc\n")
    damage, *_, expected = SINGLE[kind] if kind in SINGLE else WHOLE[kind]
    damage(flat)
    with pytest.raises(UserError) as caught:
        import_corpus(flat, "food")
    head, *lines = str(caught.value).split("\n")
    assert lines == [f"  {expected}"]
    assert ("--skip-damaged" in head) == (kind in SINGLE)


@pytest.mark.parametrize("kind", SINGLE)
def test_single_images_can_be_left_out(home: Path, flat: Path, kind: str) -> None:
    (flat / "classes.txt").write_text("a\nb\nc\n")
    damage, id, expected = SINGLE[kind]
    damage(flat)
    corpus = import_corpus(flat, "food", skip_damaged=True)
    (left_out,) = corpus.header.left_out
    assert (left_out.id, left_out.why) == (id, expected)
    others = [name.rpartition(".")[0] for name in FLAT]
    assert corpus.ids == tuple(other for other in others if other != id)


def test_classes_have_an_end(flat: Path) -> None:
    """A mistyped number must not make a million classes."""
    paint(flat / "training/1000000_0.jpg")
    listing = READER.scan(flat)
    assert [str(problem) for problem in listing.problems] == [
        "training/1000000_0.jpg: class 1000000, expected 0..32766"
    ]
    assert len(listing.classes) == 3


def test_folders_of_no_class(folders: Path) -> None:
    """One line for each folder, however many images lie in it."""
    for number in range(3):
        paint(folders / f"training/labeled/soup/{number}.jpg")
    paint(folders / "validation/99/0.jpg")
    paint(folders / "training/labeled/loose.jpg")
    (folders / "classes.txt").write_text("a\nb\nc\n")
    assert [str(problem) for problem in READER.scan(folders).problems] == [
        "training/labeled/soup: the folder's name is no class number, such as 03",
        f"training/labeled/loose.jpg: {MISNAMED}",
        "validation/99/0.jpg: class 99, expected 0..2",
    ]


def test_no_reader_takes_the_set_of_another(flat: Path, libriphone: Path) -> None:
    assert [name for name, reader in READERS.items() if reader.recognises(flat)] == ["food"]
    assert not READER.recognises(libriphone)
    for name in ("train/a.npy", "training/labels.txt", "valid/0_0.jpg"):  # of other sets
        file = libriphone / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
    assert not READER.recognises(libriphone)
