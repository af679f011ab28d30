"""Images of one's own: a folder for each class, named after it.

CLASS/*.jpg                    all of them to train on and to score, or
training/CLASS/*.jpg           or train/
validation/CLASS/*.jpg         or valid/, val/
test/CLASS/*.jpg               or testing/; test/*.jpg where their classes are unknown
unlabelled/*.jpg               or unlabeled/; for pseudo-labels

All but the classes to train on may be absent; validation/ and test/ may also lie beside CLASS/.
Classes are in the order of their names, and an image's id is its path without the suffix. Folders
that are numbers within training/ are of the courses' layout, see food.py.
"""

from __future__ import annotations

from functools import partial
from itertools import chain
from pathlib import Path

from bossline.core.counting import counted
from bossline.core.errors import UserError, printable
from bossline.data.features.spec import ImageSpec
from bossline.data.ids import id_fault
from bossline.data.imagefile import read_image
from bossline.data.labels import MOST_CLASSES
from bossline.data.readers.base import Item, Listing, Problem, Reader, inside, register
from bossline.data.readers.images import (
    FOLDERS,
    images,
    is_image,
    list_strays,
    parts_of,
    twins,
)

_PARTS = {name.partition("/")[0] for names in FOLDERS.values() for name in names}


def _holds_images(folder: Path) -> bool:
    return folder.is_dir() and any(map(is_image, inside(folder)))


def _class_folders(folder: Path) -> list[Path]:
    """Folders of images in it, named after classes."""
    return [entry for entry in inside(folder) if entry.name not in _PARTS and _holds_images(entry)]


def named_after_classes(folder: Path) -> bool:
    """Whether a part's images lie in folders, and these have names and no numbers."""
    found = _class_folders(folder)
    numbered = any(entry.name.isdecimal() for entry in found)
    return bool(found) and not numbered and not any(map(is_image, inside(folder)))


def _found(path: Path) -> tuple[dict[str, Path], dict[str, list[Path]]]:
    """The folder of each part that is there, and its images."""
    parts = parts_of(path)
    files = {part: list(images(folder)) for part, folder in parts.items()}
    if "train" not in parts:
        loose = filter(is_image, inside(path))
        of_classes = (filter(is_image, inside(folder)) for folder in _class_folders(path))
        files = {"train": [*loose, *chain.from_iterable(of_classes)], **files}
        parts["train"] = path  # the last: the others lie within
    return parts, files


@register
class ClassFolders(Reader):
    name = "class-folders"
    description = "images: CLASS/*.jpg, or training/CLASS/*.jpg; validation, test"

    def recognises(self, path: Path) -> bool:
        train = parts_of(path).get("train")
        if train is not None:
            return named_after_classes(train)
        return len(_class_folders(path)) > 1  # one may be any folder of photographs

    def files(self, path: Path) -> list[Path]:
        _, files = _found(path)
        return [file for file in chain.from_iterable(files.values()) if file.is_file()]

    def scan(self, path: Path) -> Listing:
        parts, files = _found(path)
        classes = [folder.name for folder in _class_folders(parts["train"])]
        if not 2 <= len(classes) <= MOST_CLASSES:
            raise UserError(
                f"{parts['train']}: {counted(len(classes), 'folder')} with images, expected 2 to "
                f"{MOST_CLASSES:,}, each named after the class of its images"
            )
        listing = Listing(ImageSpec(named=True), tuple(classes), problems=twins(path))
        numbers = {name: number for number, name in enumerate(classes)}
        seen: dict[str, str] = {}
        unknown = set[Path]()
        for part, members in files.items():
            in_folders = part == "test" and bool(_class_folders(parts[part]))
            for file in members:
                name = file.relative_to(path).as_posix()
                id, source = name.removesuffix(file.suffix), printable(name)
                loose = file.parent == parts[part]
                category = None if loose or part == "unlabelled" else numbers.get(file.parent.name)
                if category is None and not loose and part != "unlabelled":
                    unknown.add(file.parent)
                    continue
                why = id_fault(id)
                if loose and (part in ("train", "validation") or in_folders):
                    why = why or "in no class's folder"
                if id in seen:
                    listing.problems.append(Problem(source, f"the same id as {seen[id]}"))
                elif why:
                    listing.problems.append(Problem(source, why, printable(id), part))
                else:
                    load = partial(read_image, file)
                    listing.items.append(Item(id, part, source, load, category=category))
                seen.setdefault(id, source)
        for folder in sorted(unknown):
            source = printable(folder.relative_to(path).as_posix())
            why = f"there are no images of '{printable(folder.name)}' to train on"
            listing.problems.append(Problem(source, why))
        list_strays(path, parts, [*chain.from_iterable(files.values())], listing)
        return listing
