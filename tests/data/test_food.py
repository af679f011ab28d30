"""The food sets in both layouts: what goes in comes out, and damage is named."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bossline.core.errors import UserError
from bossline.data.features.spec import ImageSpec
from bossline.data.importing import import_corpus
from bossline.data.readers import choose_reader
from bossline.data.readers.base import READERS
from bossline.data.readers.food import Food

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
        f"{FIRST}: is no image, expected JPEG, PNG, WEBP, BMP, GIF, TIFF",
    ),
    "truncated": (
        lambda path: (path / FIRST).write_bytes((path / FIRST).read_bytes()[:-30]),
        "training/0_0",
        f"{FIRST}: truncated: the JPEG has no end",
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
        f"training/0_0 (1).jpg: {MISNAMED}",
    ),
    "a folder": (
        lambda path: (path / "training/0_77.jpg").mkdir(),
        "training/0_77",
        "training/0_77.jpg: cannot be read: a folder, expected a regular file",
    ),
    "unprintable": (
        lambda path: paint(path / "training/0_\x1b[2J.jpg"),
        r"training/0_\x1b[2J",
        r"training/0_\x1b[2J.jpg: unprintable characters in the id",
    ),
    "test": (
        lambda path: paint(path / "test/0_5.jpg"),
        "test/0_5",
        "test/0_5.jpg: the name is no number, such as 0012",
    ),
    "a photo that is not read": (
        lambda path: (path / "test/0003.HEIC").write_bytes(b"\0\0\0\x18ftypheic"),
        "test/0003",
        "test/0003.HEIC: an image of a kind that is not read: save it as JPEG or PNG",
    ),
    "a FIFO": (
        lambda path: os.mkfifo(path / "test/0003.jpg"),
        "test/0003",
        "test/0003.jpg: cannot be read: a FIFO, expected a regular file",
    ),
    "a device": (
        lambda path: (path / "test/0003.jpg").symlink_to("/dev/zero"),
        "test/0003",
        "test/0003.jpg: cannot be read: a device, expected a regular file",
    ),
    "a dangling link": (
        lambda path: (path / "test/0003.jpg").symlink_to("nowhere"),
        "test/0003",
        "test/0003.jpg: cannot be read: No such file or directory",
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
    "too deep": (
        lambda path: paint(path / "test/a/b/0007.jpg"),
        "test/a/b: images too deep in the folders: '0007.jpg'",
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


def test_images_of_other_formats_are_rows_too(home: Path, flat: Path) -> None:
    for number, suffix in enumerate((".webp", ".BMP", ".gif", ".tif", ".jfif"), start=2):
        image = Image.fromarray(np.full((8, 8, 3), 40 * number, np.uint8))
        kind = {".jfif": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:].upper())
        image.save(flat / f"test/000{number}{suffix}", kind)
    corpus = import_corpus(flat, "food")
    test = corpus.part("test")
    assert [corpus.ids[u] for u in test] == [f"test/000{number}" for number in range(7)]
    assert corpus.header.passed_over == ()


def test_names_with_blanks(home: Path, folders: Path) -> None:
    paint(folders / "training/labeled/02/IMG 1 (2).jpg", seed=9)
    corpus = import_corpus(folders, "food")
    number = corpus.ids.index("training/labeled/02/IMG 1 (2)")
    assert corpus.categories[number] == 2


def test_what_is_passed_over_is_told(flat: Path) -> None:
    for name in ("test/a.txt", "test/b.TXT", "training/c", "test/.hidden", "test/Thumbs.db"):
        (flat / name).touch()
    paint(flat / "Validation/0_7.jpg")
    paint(flat / "cover.png")
    (flat / "test/0001.heic").touch()  # beside a 0001.jpg
    listing = READER.scan(flat)
    assert listing.problems == []
    assert listing.passed_over == [
        "1 .png file in the folder itself",
        "1 .jpg file in Validation/",
        "1 .TXT file in test/",
        "1 .heic file in test/",
        "1 .txt file in test/",
        "1 suffixless file in training/",
    ]


def test_linked_folders_are_taken(home: Path, flat: Path, tmp_path: Path) -> None:
    (flat / "test").rename(tmp_path / "elsewhere")
    (flat / "test").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "elsewhere/notes.txt").touch()
    listing = READER.scan(flat)
    assert [item.part for item in listing.items].count("test") == 2
    assert listing.problems == []
    assert listing.passed_over == ["1 .txt file in test/"]


def test_a_list_of_classes_that_is_no_file(flat: Path) -> None:
    (flat / "classes.txt").symlink_to("nowhere")
    for act in (READER.files, READER.scan):
        with pytest.raises(UserError, match=r"classes\.txt: cannot be read: No such file"):
            act(flat)
    (flat / "classes.txt").unlink()
    (flat / "classes.txt").write_text("a\nb\n\x1b[2J\n")
    with pytest.raises(UserError, match=r"classes\.txt line 3: control characters"):
        READER.scan(flat)


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
