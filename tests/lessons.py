"""Every recipe of the catalogue on a corpus that it is learnt from in a moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bossline.core.runtime import Runtime
from bossline.data.features.spec import FeatureSpec, ImageSpec, TableSpec
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.store import pack_path
from bossline.data.writer import writing
from bossline.recipes import Recipe, catalogue, load_recipe
from bossline.tasks import lesson_of
from bossline.tasks.lesson import Lesson

RECIPES = [name for name in catalogue.names() if not name.startswith("studies/")]
AUGMENTED = [name for name in RECIPES if load_recipe(name).augment is not None]
STEPPED = [name for name in RECIPES if not load_recipe(name).model.fitted]

_SOURCE = Source(reader="test", path="test")
_SMALL = {
    "transcribe": (),
    "phoneme": (),
    "speaker": (
        "batches.frames=30",
        "batches.size=6",
        "batches.valid_every=4",
        "split={by: each-speaker, validation: 0.2}",
    ),
    "covid": (),
    "food": ("batches.side=32", "batches.size=6"),
}


def small(name: str, *overrides: str) -> Recipe:
    """A recipe of the catalogue with small batches."""
    recipe = load_recipe(name)
    budget = ("batches.size=120",) if recipe.batches.kind == "utterances" else ()
    return load_recipe(name, [*_SMALL[recipe.task], *budget, *overrides])


def lesson(recipe: Recipe) -> Lesson[Any]:
    """A recipe on a corpus of its kind, which is written where it is first asked for."""
    write = {"covid": _survey, "food": _pictures, "transcribe": _sentences}.get(
        recipe.task, _speech
    )
    path = pack_path(write.__name__.encode().hex().ljust(64, "0"))
    if not path.exists():
        write(path)
    return lesson_of(recipe, Corpus(path), Runtime.choose("cpu", 1))


def _sentences(path: Path) -> None:
    """The same of phones that last 6 to 9 frames, so that they outlast any step of an encoder."""
    _speech(path, longest_phone=9)


def _speech(path: Path, longest_phone: int = 1) -> None:
    """30 utterances of three speakers, of many lengths, none too short to subsample."""
    rng = np.random.default_rng(0)
    speakers = ("ann", "bob", "zoe")
    with writing(
        path,
        features=FeatureSpec(kind="other", dim=12),
        classes=tuple("abcde"),
        source=_SOURCE,
        speakers=speakers,
    ) as writer:
        for number in range(30):
            labels = rng.integers(0, 5, int(rng.integers(8, 40)))
            if longest_phone > 1:
                labels = labels[:6].repeat(rng.integers(6, longest_phone + 1, len(labels[:6])))
            frames = rng.normal(size=(len(labels), 12)) + labels[:, None]
            writer.add(
                f"u{number:02d}",
                frames.astype(np.float32),
                part="train",
                labels=labels,
                speaker=speakers[number % 3],
            )


def _survey(path: Path) -> None:
    """150 rows with a target, of questions asked on two days."""
    rng = np.random.default_rng(1)
    questions = [f"q{number}" for number in range(40)]
    columns = ("AL", *questions, *(f"{question}.1" for question in questions))
    with writing(
        path,
        features=TableSpec(columns=columns, target="tested_positive.1"),
        classes=(),
        source=_SOURCE,
    ) as writer:
        for number in range(150):
            row = rng.normal(size=(1, len(columns)))
            row[0, 0] = number % 2
            writer.add(f"r{number}", row, part="train", target=float(row.sum()))


def _pictures(path: Path) -> None:
    """30 pictures of three dishes."""
    rng = np.random.default_rng(2)
    with writing(
        path, features=ImageSpec(), classes=("red", "green", "blue"), source=_SOURCE
    ) as writer:
        for number in range(30):
            picture = rng.integers(0, 255, (40, 36, 3)).astype(np.uint8)
            part = "train" if number < 18 else "validation" if number < 24 else "test"
            writer.add(f"p{number}", picture, part=part, category=number % 3)
