"""The food sets of the courses: images in folders, their classes in the names.

    training/CLASS_ID.jpg          or train/         2022 and 2023
    validation/CLASS_ID.jpg        or valid/
    test/ID.jpg

    training/labeled/CC/*.jpg      CC a class        2021
    training/unlabeled/00/*.jpg
    validation/CC/*.jpg
    testing/*.jpg                  or a layer deeper

Images may be of any format that imagefile.py reads; all parts but the first may be absent. An
image's id is its path without the suffix. A classes.txt (name of class 0, 1, ..., one a line) names
the classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from bossline.core.errors import UserError, printable
from bossline.data.features.spec import ImageSpec
from bossline.data.ids import id_fault
from bossline.data.imagefile import OTHER_SUFFIXES, SUFFIXES, read_image
from bossline.data.labels import MOST_CLASSES
from bossline.data.readers.base import (
    Item,
    Listing,
    Problem,
    Reader,
    existing,
    few,
    inside,
    passed_over,
    present,
    read_names,
    register,
    tree,
)

_CLASSES = "classes.txt"

# Of a part's folders the first that is there is the part.
_FOLDERS = {
    "train": ("training/labeled", "train/labeled", "training", "train"),
    "unlabelled": ("training/unlabeled", "train/unlabeled"),
    "validation": ("validation", "valid"),
    "test": ("testing", "test"),
}
_LABELLED = ("train", "validation")
_TWINS = (("training", "train"), ("validation", "valid"), ("testing", "test"))  # of two years

_NUMBER = re.compile("(?P<number>[0-9]+)")
_CLASS_ID = re.compile("(?P<number>[0-9]+)_[0-9]+")

# The order of the original Food-11, which the courses' numbers follow.
_FOOD11 = (
    "Bread",
    "Dairy product",
    "Dessert",
    "Egg",
    "Fried food",
    "Meat",
    "Noodles/Pasta",
    "Rice",
    "Seafood",
    "Soup",
    "Vegetable/Fruit",
)


def _images(folder: Path) -> Iterator[Path]:
    """The images of a part, those a layer deeper as well, whatever stands under their names."""
    for entry in inside(folder):
        if _is_image(entry):
            yield entry
        elif entry.is_dir():
            yield from filter(_is_image, inside(entry))


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES


def _parts(path: Path) -> dict[str, Path]:
    """The folder of each part that is there."""
    found = {}
    for part, names in _FOLDERS.items():
        folders = [path / name for name in names if (path / name).is_dir()]
        if folders:
            found[part] = folders[0]
    return found


def _default_classes(items: list[Item]) -> tuple[str, ...]:
    count = max((item.category for item in items if item.category is not None), default=-1) + 1
    return _FOOD11 if count == len(_FOOD11) else tuple(str(k) for k in range(count))


def _category(file: Path, part: str, folder: Path, classes: int) -> tuple[int | None, str]:
    """The class of an image, and what is wrong with its name."""
    deeper = file.parent != folder
    if part not in _LABELLED:
        misnamed = part == "test" and not deeper and not _NUMBER.fullmatch(file.stem)
        return None, "the name is no number, such as 0012" if misnamed else ""
    match = _NUMBER.fullmatch(file.parent.name) if deeper else _CLASS_ID.fullmatch(file.stem)
    if match is None:
        return None, "the name is no CLASS_ID, such as 3_12"
    category = int(match["number"])
    return category, "" if category < classes else f"class {category}, expected 0..{classes - 1}"


def _list_part(
    path: Path,
    part: str,
    folder: Path,
    classes: int,
    items: list[Item],
    problems: list[Problem],
) -> None:
    """Add a part's sound images to `items`, and what is wrong with the others to `problems`."""
    files = list(_images(folder))
    unnumbered = set[Path]()
    if part in _LABELLED:
        parents = {file.parent for file in files} - {folder}
        unnumbered = {parent for parent in parents if not _NUMBER.fullmatch(parent.name)}
    for parent in sorted(unnumbered):
        source = printable(parent.relative_to(path).as_posix())
        problems.append(Problem(source, "the folder's name is no class number, such as 03"))
    seen: dict[str, str] = {}
    for file in files:
        if file.parent in unnumbered:
            continue
        name = file.relative_to(path).as_posix()
        id, source = name.removesuffix(file.suffix), printable(name)
        category, why = _category(file, part, folder, classes)
        why = id_fault(id) or why
        if id in seen:
            problems.append(Problem(source, f"the same id as {seen[id]}"))
        elif why:
            problems.append(Problem(source, why, printable(id), part))
        else:
            load = partial(read_image, file)
            items.append(Item(id, part, source, load, category=category))
        seen.setdefault(id, source)


def _strays(path: Path, parts: dict[str, Path]) -> list[Path]:
    """What is no image of a part: all else in the parts' folders, and images that lie elsewhere."""
    taken = {image for folder in parts.values() for image in _images(folder)}
    found = {file for folder in parts.values() for file in tree(folder)}
    found |= {file for file in tree(path) if file.suffix.lower() in SUFFIXES + OTHER_SUFFIXES}
    entered = {image.parent for image in taken} | set(parts.values())  # links may lead there
    return sorted(
        file
        for file in found - taken - entered
        if not any(name.startswith(".") for name in file.relative_to(path).parts)
    )


def _list_strays(path: Path, parts: dict[str, Path], listing: Listing) -> None:
    """Add images in the parts that are not taken to the problems; what else there is is told."""
    ids = {item.id for item in listing.items}
    too_deep: dict[Path, list[str]] = {}
    others = []
    for file in _strays(path, parts):
        part = next((part for part, folder in parts.items() if folder in file.parents), None)
        name = file.relative_to(path).as_posix()
        id = name.removesuffix(file.suffix)
        if part and file.suffix.lower() in SUFFIXES:
            too_deep.setdefault(file.parent, []).append(file.name)
        elif part and file.suffix.lower() in OTHER_SUFFIXES and id not in ids:
            why = "an image of a kind that is not read: save it as JPEG or PNG"
            listing.problems.append(Problem(printable(name), why, printable(id), part))
        else:
            others.append(file)
    for folder, names in too_deep.items():
        source = printable(folder.relative_to(path).as_posix())
        why = f"images too deep in the folders: {few(names)}"
        listing.problems.append(Problem(source, why))
    listing.passed_over.extend(passed_over(path, others))


@register
class Food(Reader):
    name = "food"
    description = "images: training/CLASS_ID.jpg or training/labeled/CC/*.jpg; validation, test"

    def recognises(self, path: Path) -> bool:
        folder = _parts(path).get("train")
        return folder is not None and any(True for _ in _images(folder))

    def files(self, path: Path) -> list[Path]:
        images = (_images(folder) for folder in _parts(path).values())
        found = [image for image in chain.from_iterable(images) if image.is_file()]
        return [*existing(path, [_CLASSES]), *found]

    def scan(self, path: Path) -> Listing:
        if not self.recognises(path):
            wanted = "training/CLASS_ID.jpg or training/labeled/CC/*.jpg"
            raise UserError(f"{path}: no images to train on, expected {wanted}")
        names = read_names(path / _CLASSES) if present(path / _CLASSES) else ()
        items: list[Item] = []
        problems = [
            Problem(second, f"{first} is there as well, expected only one of them")
            for first, second in _TWINS
            if (path / first).is_dir() and (path / second).is_dir()
        ]
        parts = _parts(path)
        for part, folder in parts.items():
            _list_part(path, part, folder, len(names) or MOST_CLASSES, items, problems)
        listing = Listing(ImageSpec(), names or _default_classes(items), items, problems)
        _list_strays(path, parts, listing)
        return listing
