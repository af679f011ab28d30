"""LibriPhone, the phoneme set of the 2022 and 2023 courses.

    train_split.txt   an id a line        train_labels.txt   id label label ... (0..40, one a frame)
    test_split.txt    the same            feat/train/ID.pt, feat/test/ID.pt   float32 (T, 39)

The test part may be absent. A `phones.txt` ("index symbol" lines) names the classes.
"""

from __future__ import annotations

from functools import partial
from itertools import chain
from pathlib import Path

from bossline.corpora.phones import LIBRIPHONE
from bossline.corpora.ptfile import read_tensor
from bossline.corpora.readers.base import (
    Item,
    Listing,
    Problem,
    Reader,
    existing,
    read_labels,
    read_table,
    register,
    require,
)
from bossline.errors import UserError
from bossline.features.spec import FeatureSpec

_LABELS = "train_labels.txt"
_PHONES = "phones.txt"
_SPLITS = {"train": "train_split.txt", "test": "test_split.txt"}

# The published files take their deltas along the coefficient axis, not over time.
_FEATURES = FeatureSpec(kind="mfcc", dim=39, deltas="coefficient", normalisation="utterance")


def _classes(path: Path) -> tuple[str, ...]:
    if not (path / _PHONES).is_file():
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


@register
class LibriPhone(Reader):
    name = "libriphone"
    description = "train_split.txt, train_labels.txt, feat/train/ID.pt; test_split.txt, feat/test"

    def recognises(self, path: Path) -> bool:
        return (path / _SPLITS["train"]).is_file()

    def files(self, path: Path) -> list[Path]:
        texts = existing(path, [_LABELS, _PHONES, *_SPLITS.values()])
        features = [sorted((path / "feat" / part).glob("*.pt")) for part in _SPLITS]
        return [*texts, *chain.from_iterable(features)]

    def scan(self, path: Path) -> Listing:
        parts = [
            part for part, file in _SPLITS.items() if part == "train" or (path / file).is_file()
        ]
        require(path, self, [_SPLITS["train"], _LABELS, *(f"feat/{part}" for part in parts)])
        listing = Listing(_FEATURES, _classes(path))
        problems = listing.problems
        labels = read_labels(path, _LABELS, len(listing.classes), problems)
        seen: dict[str, str] = {}
        for part in parts:
            for id, row in read_table(path, _SPLITS[part], ("id",), problems).items():
                if id in seen:
                    problems.append(Problem(row.source, f"'{id}' is in {seen[id]} as well"))
                    continue
                seen[id] = row.source
                feature = f"feat/{part}/{id}.pt"
                if not (path / feature).is_file():
                    problems.append(Problem(row.source, f"'{id}' has no {feature}", id, part))
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
        for id, line in labels.items():
            if id not in seen and not (path / f"feat/train/{id}.pt").is_file():
                why = f"labels for '{id}', which has no feat/train/{id}.pt"
                problems.append(Problem(f"{_LABELS} line {line.number}", why, id, "train"))
        return listing
