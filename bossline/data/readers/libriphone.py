"""LibriPhone, the phoneme set of the 2022 and 2023 courses.

    train_split.txt   an id a line        train_labels.txt   id label label ... (0..40, one a frame)
    test_split.txt    the same            feat/train/ID.pt, feat/test/ID.pt   float32 (T, 39)

The test part may be absent. A `phones.txt` ("index symbol" lines) names the classes. What lies in
the folders of the parts, or is labelled, must stand in their lists: a list that was cut short would
else make a smaller set without a word.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from functools import partial
from itertools import chain
from pathlib import Path

from bossline.core.archives import read_tensor
from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec
from bossline.data.labels import quoted
from bossline.data.phones import LIBRIPHONE
from bossline.data.readers.base import (
    CUT,
    Item,
    Listing,
    Problem,
    Reader,
    existing,
    few,
    inside,
    passed_over,
    present,
    read_labels,
    read_table,
    register,
    require,
    tree,
)

_LABELS = "train_labels.txt"
_PHONES = "phones.txt"
_SPLITS = {"train": "train_split.txt", "test": "test_split.txt"}

# The published files take their deltas along the coefficient axis, not over time.
_FEATURES = FeatureSpec(kind="mfcc", dim=39, deltas="coefficient", normalisation="utterance")


def _classes(path: Path) -> tuple[str, ...]:
    if not present(path / _PHONES):
        return LIBRIPHONE
    problems: list[Problem] = []
    table = read_table(path, _PHONES, ("index", "symbol"), problems)
    names = tuple(row.values[0] for row in table.values())
    if problems or list(table) != [str(k) for k in range(len(names))]:
        raise UserError(f"{path / _PHONES}: expected lines 'index symbol', index 0, 1, 2, ...")
    if not names or len(set(names)) != len(names):
        raise UserError(f"{path / _PHONES}: expected a different symbol on each line")
    return names


def _speaker(id: str) -> str | None:
    speaker, dash, _ = id.partition("-")
    return speaker if dash else None


def _features(path: Path, part: str) -> list[Path]:
    """The feature files of a part, whatever stands under their names."""
    folder = path / "feat" / part
    entries = inside(folder) if os.path.lexists(folder) else []
    return [entry for entry in entries if entry.suffix == ".pt"]


def _passed_over(path: Path, parts: Collection[str]) -> list[str]:
    """What lies in the folders of features: all of it, where a part has no list."""
    folders = [path / "feat" / part for part in _SPLITS]
    files = chain.from_iterable(tree(folder) for folder in folders if folder.is_dir())
    taken = {feature for part in parts for feature in _features(path, part)}
    return passed_over(path, (file for file in files if file not in taken))


@register
class LibriPhone(Reader):
    name = "libriphone"
    description = "train_split.txt, train_labels.txt, feat/train/ID.pt; test_split.txt, feat/test"

    def recognises(self, path: Path) -> bool:
        return os.path.lexists(path / _SPLITS["train"])

    def files(self, path: Path) -> list[Path]:
        found = existing(path, [_LABELS, _PHONES, *_SPLITS.values()])
        features = chain.from_iterable(_features(path, part) for part in _SPLITS)
        return found + [feature for feature in features if feature.is_file()]

    def scan(self, path: Path) -> Listing:
        parts = [part for part, file in _SPLITS.items() if part == "train" or present(path / file)]
        require(path, self, [_SPLITS["train"], _LABELS, *(f"feat/{part}" for part in parts)])
        listing = Listing(_FEATURES, _classes(path))
        problems = listing.problems
        labels = read_labels(path, _LABELS, len(listing.classes), problems)
        seen: dict[str, str] = {}
        in_training: set[str] = set()
        for part in parts:
            there = {entry.stem for entry in _features(path, part)}
            listed = read_table(path, _SPLITS[part], ("id",), problems)
            if part == "train":
                in_training = there
            for id, row in listed.items():
                if id in seen or "/" in id:
                    why = f"is in {seen[id]} as well" if id in seen else "holds a '/'"
                    problems.append(Problem(row.source, f"{quoted(id)} {why}"))
                    continue
                seen[id] = row.source
                feature = f"feat/{part}/{id}.pt"
                if id not in there:
                    why = f"'{id}' has no {feature}" + CUT * row.unfinished
                    problems.append(Problem(row.source, why, id, part))
                    continue
                line = labels.get(id) if part == "train" else None
                if part == "train" and line is None:
                    problems.append(Problem(feature, f"'{id}' has no line in {_LABELS}", id, part))
                elif line is not None and line.error:
                    problems.append(
                        Problem(f"{_LABELS} line {line.number}", f"{id}: {line.error}", id, part)
                    )
                listing.items.append(
                    Item(
                        id,
                        part,
                        feature,
                        partial(read_tensor, path / feature),
                        speaker=_speaker(id),
                        labels=line.labels if line else None,
                    )
                )
            if unlisted := sorted(there - listed.keys()):
                why = f"no line for {len(unlisted)} of the files in feat/{part}: {few(unlisted)}"
                advice = "is it cut short? add their lines, or take the files away"
                problems.append(Problem(_SPLITS[part], f"{why}; {advice}"))
        for id, line in labels.items():
            if id not in seen and id not in in_training:
                why = f"labels for '{id}', which has no feat/train/{id}.pt" + CUT * line.unfinished
                problems.append(Problem(f"{_LABELS} line {line.number}", why, id, "train"))
        # Only the first are shown: those of the whole set, before a thousand missing files.
        problems.sort(key=lambda problem: bool(problem.id))
        listing.passed_over.extend(_passed_over(path, parts))
        return listing
