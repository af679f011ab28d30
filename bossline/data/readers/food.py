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
from functools import partial
from itertools import chain
from pathlib import Path

from bossline.core.errors import UserError, printable
from bossline.data.features.spec import ImageSpec
from bossline.data.ids import id_fault
from bossline.data.imagefile import read_image
from bossline.data.labels import MOST_CLASSES
from bossline.data.readers.base import (
    Item,
    Listing,
    Problem,
    Reader,
    existing,
    present,
    read_names,
    register,
)
from bossline.data.readers.class_folders import named_after_classes
from bossline.data.readers.images import images, list_strays, parts_of, twins

_CLASSES = "classes.txt"

_LABELLED = ("train", "validation")

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
    files = list(images(folder))
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


@register
class Food(Reader):
    name = "food"
    description = "images: training/CLASS_ID.jpg or training/labeled/CC/*.jpg; validation, test"

    def recognises(self, path: Path) -> bool:
        folder = parts_of(path).get("train")
        found = folder is not None and any(True for _ in images(folder))
        return found and folder is not None and not named_after_classes(folder)

    def files(self, path: Path) -> list[Path]:
        found = chain.from_iterable(map(images, parts_of(path).values()))
        return [*existing(path, [_CLASSES]), *(image for image in found if image.is_file())]

    def scan(self, path: Path) -> Listing:
        if not self.recognises(path):
            wanted = "training/CLASS_ID.jpg or training/labeled/CC/*.jpg"
            raise UserError(f"{path}: no images to train on, expected {wanted}")
        names = read_names(path / _CLASSES) if present(path / _CLASSES) else ()
        items: list[Item] = []
        problems = twins(path)
        parts = parts_of(path)
        for part, folder in parts.items():
            _list_part(path, part, folder, len(names) or MOST_CLASSES, items, problems)
        listing = Listing(ImageSpec(), names or _default_classes(items), items, problems)
        taken = chain.from_iterable(map(images, parts.values()))
        list_strays(path, parts, [*taken], listing)
        return listing
