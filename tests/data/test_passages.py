"""What is said in a recording, from the file beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bossline.core.errors import UserError
from bossline.data import alignments
from bossline.data.alignments import Alignment, Interval, IntervalTier
from bossline.data.passages import Passage, beside, read_passages


def test_which_file_lies_beside(tmp_path: Path) -> None:
    recording = tmp_path / "a.b.wav"
    with pytest.raises(UserError, match=r"a\.b\.wav: no such file"):
        beside(recording)
    recording.touch()
    with pytest.raises(UserError, match=r"no text beside it: expected a\.b\.lab, a\.b\.txt"):
        beside(recording)
    for suffix in ("TextGrid", "txt", "lab"):  # each goes before the one before
        file = tmp_path / f"a.b.{suffix}"
        file.touch()
        assert beside(recording) == file


def test_a_text(tmp_path: Path) -> None:
    file = tmp_path / "a.lab"
    file.write_bytes("\ufeffThe owl.\r\nIs here.\r\n".encode())
    assert read_passages(file) == [Passage("The owl.\nIs here.\n")]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b" \n", "an empty text"), (b"caf\xe9", "not UTF-8 text")],
)
def test_no_text(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "a.lab"
    file.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_passages(file)


def grid(path: Path, *tiers: IntervalTier) -> Path:
    alignments.write(Alignment(0.0, 10.0, tiers), path / "a.TextGrid")
    return path / "a.TextGrid"


ANN = IntervalTier("ann", (Interval(1.0, 2.0, "hello"), Interval(3.0, 3.05, "short")))
BOB = IntervalTier("bob", (Interval(0.5, 1.5, "good day"),))
PHONES = IntervalTier("phones", (Interval(0.0, 9.0, "AA"),))


def test_a_tier_is_a_speaker(tmp_path: Path) -> None:
    assert read_passages(grid(tmp_path, ANN, BOB, PHONES)) == [
        Passage("good day", "bob", 0.5, 1.5),
        Passage("hello", "ann", 1.0, 2.0),
    ]
    alone = [Passage("hello", None, 1.0, 2.0)]
    assert read_passages(grid(tmp_path, ANN, PHONES)) == alone
    assert read_passages(grid(tmp_path, ANN, BOB), "ann") == alone


def test_tiers_of_utterances_go_before_others(tmp_path: Path) -> None:
    named = IntervalTier("ann - utterances", ANN.intervals)
    file = grid(tmp_path, IntervalTier("words", BOB.intervals), named, PHONES)
    assert read_passages(file) == [Passage("hello", None, 1.0, 2.0)]
    both = grid(tmp_path, named, IntervalTier("bob - utterances", BOB.intervals))
    assert [one.speaker for one in read_passages(both)] == ["bob", "ann"]


def test_nothing_said_in_tiers(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing is said in it; tiers of utterances: none"):
        read_passages(grid(tmp_path, PHONES))
    with pytest.raises(UserError, match="no tier 'annn'"):
        read_passages(grid(tmp_path, ANN), "annn")
