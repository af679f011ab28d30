"""A corpus is an edition of a homework by its layout and size, or it is none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from bossline.data.editions import SYNTHETIC, edition_of
from bossline.data.header import LeftOut, Source
from bossline.data.packed import Corpus
from bossline.data.phones import LIBRIPHONE


def corpus(reader: str, train: int, lost: int = 0, **more: Any) -> Corpus:
    """As far as an edition is told by."""
    header = SimpleNamespace(
        source=Source(reader=reader, path="", options=more.get("options", {})),
        parts=("train", "test"),
        classes=more.get("classes", LIBRIPHONE),
        left_out=tuple(LeftOut(id=str(k), part="train", why="") for k in range(lost)),
        features=SimpleNamespace(edition=more.get("edition", "")),
    )
    parts = {"train": np.arange(train), "test": np.arange(857)}
    return cast(Corpus, SimpleNamespace(header=header, part=parts.__getitem__))


@pytest.mark.parametrize(
    ("reader", "train", "lost", "expected"),
    [
        ("libriphone", 3429, 0, "2023"),
        ("libriphone", 3424, 5, "2023"),  # a copy with damaged files
        ("libriphone", 4286, 0, "2022"),
        ("libriphone", 300, 0, ""),
        ("timit11", 3696, 0, "2021"),
        ("speaker", 56_666, 0, "2023"),
        ("speaker", 69_438, 0, "2021"),
        ("speaker", 2400, 0, ""),
        ("food", 9866, 0, "2022"),
        ("food", 10_000, 0, "2023"),
        ("food", 2400, 0, ""),
        ("folder", 3429, 0, ""),
    ],
)
def test_size_and_layout_tell(reader: str, train: int, lost: int, expected: str) -> None:
    assert edition_of(corpus(reader, train, lost)) == expected


def test_folded_phones_are_another_question() -> None:
    assert edition_of(corpus("libriphone", 3429, classes=LIBRIPHONE[:39])) == ""


def test_synthetic_speech_of_the_usual_size_has_expectations() -> None:
    for hours, expected in ((1.0, SYNTHETIC), (0.02, "")):
        options = {"hours": hours, "voices": 48, "seed": 0}
        assert edition_of(corpus("synthetic", 550, options=options)) == expected
