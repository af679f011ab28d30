"""A folder of one's own features.

ANY/NAME.npy or .pt   (T, dim), at any depth; the id is the path without its suffix
labels.txt            id label label ..., one a frame; ids that it lacks are unlabelled
                      (may be absent: then no frame has a label, as where there are only strings)
classes.txt           name of class 0, 1, ..., one a line        (optional; else the numbers)
splits.txt            id part    (optional; else train if labelled or nothing is, test if not)
speakers.txt          id speaker (optional)

Names may hold blanks; a line of a table then begins with the whole id.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from functools import partial
from pathlib import Path

from bossline.core.archives import DamagedFile
from bossline.core.errors import UserError, printable
from bossline.data.featurefile import READERS_BY_SUFFIX
from bossline.data.features.spec import FeatureSpec
from bossline.data.ids import id_fault
from bossline.data.labels import MOST_CLASSES, LabelLine, quoted
from bossline.data.readers.base import (
    CUT,
    Item,
    Listing,
    Problem,
    Reader,
    Row,
    existing,
    passed_over,
    present,
    read_labels,
    read_names,
    read_table,
    register,
    tree,
)

_LABELS = "labels.txt"
_CLASSES = "classes.txt"
_SPLITS = "splits.txt"
_SPEAKERS = "speakers.txt"
_TEXTS = (_LABELS, _CLASSES, _SPLITS, _SPEAKERS)
_MOST_PARTS = 256  # a part's number is stored in a byte


def _is_feature_file(file: Path) -> bool:
    # macOS leaves a hidden "._NAME.npy", which is none, beside each file of an archive.
    return file.suffix.lower() in READERS_BY_SUFFIX and not file.name.startswith(".")


def _width(path: Path, files: list[Path]) -> int:
    """Numbers per frame of the first readable file: what all the others must have as well."""
    damaged = []
    for file in files:
        try:
            frames = READERS_BY_SUFFIX[file.suffix.lower()](file)
        except DamagedFile as damage:
            damaged.append(f"{printable(file.relative_to(path).as_posix())}: {damage}")
            continue
        if frames.ndim == 2 and frames.shape[1]:
            return int(frames.shape[1])
    first = f"; {damaged[0]}" if damaged else ""
    raise UserError(
        f"{path}: no .npy or .pt file of shape (frames, numbers per frame) in it{first}"
    )


def _default_classes(path: Path, labels: dict[str, LabelLine]) -> tuple[str, ...]:
    sound = [line.labels for line in labels.values() if not line.error and line.labels.size]
    if not sound:
        raise UserError(f"{path}: no label in {_LABELS}, so the classes must stand in {_CLASSES}")
    return tuple(str(k) for k in range(max(int(piece.max()) for piece in sound) + 1))


def _optional_table(
    path: Path, file: str, value: str, problems: list[Problem], spaced: Collection[str]
) -> dict[str, Row]:
    if not present(path / file):
        return {}
    return read_table(path, file, ("id", value), problems, spaced)


@register
class Folder(Reader):
    name = "folder"
    description = "labels.txt beside .npy or .pt features; classes.txt, splits.txt, speakers.txt"

    def recognises(self, path: Path) -> bool:
        return os.path.lexists(path / _LABELS)

    def files(self, path: Path) -> list[Path]:
        features = [file for file in tree(path) if _is_feature_file(file) and file.is_file()]
        return [*existing(path, _TEXTS), *features]

    def scan(self, path: Path) -> Listing:
        has_labels = present(path / _LABELS)
        files = tree(path)
        features = [file for file in files if _is_feature_file(file)]
        ids = [file.relative_to(path).as_posix().removesuffix(file.suffix) for file in features]
        spaced = {id for id in ids if " " in id and id_fault(id) is None}
        problems: list[Problem] = []
        names = read_names(path / _CLASSES) if present(path / _CLASSES) else ()
        labels = {}
        if has_labels:
            labels = read_labels(path, _LABELS, len(names) or MOST_CLASSES, problems, spaced)
        splits = _optional_table(path, _SPLITS, "part", problems, spaced)
        speakers = _optional_table(path, _SPEAKERS, "speaker", problems, spaced)
        if len({row.values[0] for row in splits.values()}) > _MOST_PARTS:
            raise UserError(f"{path / _SPLITS}: more than {_MOST_PARTS} parts")
        listing = Listing(
            FeatureSpec(kind="other", dim=_width(path, features)),
            names or (_default_classes(path, labels) if has_labels else ()),
            problems=problems,
        )
        seen: dict[str, str] = {}
        for file, id in zip(features, ids, strict=True):
            source = printable(file.relative_to(path).as_posix())
            line, split, speaker = labels.get(id), splits.get(id), speakers.get(id)
            part = split.values[0] if split else "train" if line or not has_labels else "test"
            if id in seen:
                problems.append(Problem(source, f"the same id as {seen[id]}"))
                continue
            seen[id] = source
            if fault := id_fault(id):
                problems.append(Problem(source, fault, printable(id), part))
                continue
            if splits and split is None:
                problems.append(Problem(source, f"'{id}' has no line in {_SPLITS}", id, part))
            if line is not None and line.error:
                where = f"{_LABELS} line {line.number}"
                problems.append(Problem(where, f"{id}: {line.error}", id, part))
            listing.items.append(
                Item(
                    id,
                    part,
                    source,
                    partial(READERS_BY_SUFFIX[file.suffix.lower()], file),
                    speaker=speaker.values[0] if speaker else None,
                    labels=line.labels if line else None,
                )
            )
        named_in = [
            (id, f"{_LABELS} line {line.number}", line.unfinished) for id, line in labels.items()
        ]
        for table in (splits, speakers):
            named_in += [(id, row.source, row.unfinished) for id, row in table.items()]
        for id, where, unfinished in named_in:
            if id not in seen:
                part = splits[id].values[0] if id in splits else "train"
                why = f"{quoted(id)} has no feature file" + CUT * unfinished
                problems.append(Problem(where, why, id, part))
        texts = {path / text for text in _TEXTS}
        strays = [file for file in files if not _is_feature_file(file) and file not in texts]
        listing.passed_over.extend(passed_over(path, strays))
        return listing
