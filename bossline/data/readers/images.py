"""What the layouts of images share: the folders of parts, and what is no image of a set."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from bossline.core.errors import printable
from bossline.data.imagefile import OTHER_SUFFIXES, SUFFIXES
from bossline.data.readers.base import Listing, Problem, few, inside, passed_over, tree

# Of a part's folders the first that is there is the part.
FOLDERS = {
    "train": ("training/labeled", "train/labeled", "training", "train"),
    "unlabelled": ("training/unlabeled", "train/unlabeled", "unlabelled", "unlabeled"),
    "validation": ("validation", "valid", "val"),
    "test": ("testing", "test"),
}
_TWINS = (("training", "train"), ("validation", "valid", "val"), ("testing", "test"))


def is_image(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES


def images(folder: Path) -> Iterator[Path]:
    """The images of a part, those a layer deeper as well, whatever stands under their names."""
    for entry in inside(folder):
        if is_image(entry):
            yield entry
        elif entry.is_dir():
            yield from filter(is_image, inside(entry))


def parts_of(path: Path) -> dict[str, Path]:
    """The folder of each part that is there."""
    found = {}
    for part, names in FOLDERS.items():
        folders = [path / name for name in names if (path / name).is_dir()]
        if folders:
            found[part] = folders[0]
    return found


def twins(path: Path) -> list[Problem]:
    """Folders of one part under two names."""
    there = [[name for name in names if (path / name).is_dir()] for names in _TWINS]
    return [
        Problem(second, f"{first} is there as well, expected only one of them")
        for first, *others in filter(None, there)
        for second in others
    ]


def list_strays(
    path: Path, parts: dict[str, Path], taken: Collection[Path], listing: Listing
) -> None:
    """Add images in the parts that are not taken to the problems; what else there is is told."""
    ids = {item.id for item in listing.items}
    too_deep: dict[Path, list[str]] = {}
    others = []
    for file in _strays(path, parts, set(taken)):
        part = next((part for part, folder in parts.items() if folder in file.parents), None)
        name = file.relative_to(path).as_posix()
        id = name.removesuffix(file.suffix)
        if part and is_image(file):
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


def _strays(path: Path, parts: dict[str, Path], taken: set[Path]) -> list[Path]:
    """What is no image of a part: all else in the parts' folders, and images that lie elsewhere."""
    found = {file for folder in parts.values() for file in tree(folder)}
    found |= {file for file in tree(path) if file.suffix.lower() in SUFFIXES + OTHER_SUFFIXES}
    entered = {image.parent for image in taken} | set(parts.values())  # links may lead there
    return sorted(
        file
        for file in found - taken - entered
        if not any(name.startswith(".") for name in file.relative_to(path).parts)
    )
