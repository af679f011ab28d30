"""The LibriPhone layout, sound and unsound."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bossline.corpora.phones import LIBRIPHONE
from bossline.corpora.readers import choose_reader
from bossline.corpora.readers.libriphone import LibriPhone
from bossline.errors import UserError

READER = LibriPhone()


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def test_sound_set(libriphone: Path) -> None:
    assert isinstance(choose_reader(libriphone), LibriPhone)
    listing = READER.scan(libriphone)
    assert listing.problems == []
    assert listing.classes == LIBRIPHONE
    assert listing.features.model_dump()["deltas"] == "coefficient"
    assert [(u.id, u.part, u.speaker) for u in listing.items] == [
        ("1-a-0", "train", "1"),
        ("1-a-1", "train", "1"),
        ("2-b-0", "train", "2"),
        ("3-c-0", "test", "3"),
        ("3-c-1", "test", "3"),
    ]
    for utterance in listing.items:
        frames = utterance.load()
        assert frames.shape[1] == 39
        assert (utterance.labels is None) == (utterance.part == "test")
        if utterance.labels is not None:
            assert len(utterance.labels) == len(frames)
    names = {path.relative_to(libriphone).as_posix() for path in READER.files(libriphone)}
    assert names == {
        "train_split.txt",
        "test_split.txt",
        "train_labels.txt",
        *(utterance.source for utterance in listing.items),
    }


def test_published_quirks(libriphone: Path) -> None:
    """Empty last lines, white space behind ids, CRLF."""
    split = libriphone / "train_split.txt"
    split.write_bytes(split.read_bytes().replace(b"\n", b" \r\n") + b"\r\n\n")
    assert READER.scan(libriphone).problems == []


def test_test_part_is_optional(libriphone: Path) -> None:
    (libriphone / "test_split.txt").unlink()
    shutil.rmtree(libriphone / "feat" / "test")
    assert {u.part for u in READER.scan(libriphone).items} == {"train"}


def test_phones_name_the_classes(libriphone: Path) -> None:
    phones = libriphone / "phones.txt"
    phones.write_text("".join(f"{k} p{k}\n" for k in range(50)))
    assert READER.scan(libriphone).classes == tuple(f"p{k}" for k in range(50))
    for text in ("0 a\n2 b\n", "0 a\n1 a\n", "0\n", "", "1 b\n0 a\n"):
        phones.write_text(text)
        with pytest.raises(UserError, match=r"phones\.txt: expected"):
            READER.scan(libriphone)


def test_missing_pieces_are_named_at_once(libriphone: Path) -> None:
    (libriphone / "train_labels.txt").unlink()
    shutil.rmtree(libriphone / "feat" / "test")
    with pytest.raises(UserError, match=r"lacks train_labels\.txt, feat/test$"):
        READER.scan(libriphone)


def test_problems(libriphone: Path) -> None:
    append(libriphone / "train_split.txt", "9-x-0\n1-a-0\n8-x-0\ntwo words\n")
    append(libriphone / "test_split.txt", "2-b-0\n")
    append(libriphone / "train_labels.txt", "7-x-0 1 2\n2-b-0 1\n6-x-0 x\n")
    shutil.copy(libriphone / "feat/train/1-a-0.pt", libriphone / "feat/train/8-x-0.pt")
    # Labelled and there, only not in the split: a set that someone made smaller.
    shutil.copy(libriphone / "feat/train/1-a-0.pt", libriphone / "feat/train/6-x-0.pt")
    found = {str(problem): problem.id for problem in READER.scan(libriphone).problems}
    assert found == {
        "train_labels.txt line 6: '2-b-0' a second time, first in line 3": "",
        "train_split.txt line 5: '1-a-0' a second time, first in train_split.txt line 1": "",
        "train_split.txt line 7: expected 'id', found 2 words": "",
        "train_split.txt line 4: '9-x-0' has no feat/train/9-x-0.pt": "9-x-0",
        "feat/train/8-x-0.pt: '8-x-0' has no line in train_labels.txt": "8-x-0",
        "test_split.txt line 3: '2-b-0' is in train_split.txt line 3 as well": "",
        "train_labels.txt line 5: labels for '7-x-0', which has no feat/train/7-x-0.pt": "7-x-0",
    }
