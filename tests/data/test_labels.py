"""The vectorised parser against split and int."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.data.labels import MOST_CLASSES, parse_labels, read_labels

WORDS = st.one_of(
    st.integers(0, 60).map(str),
    st.integers(-3, 10**12).map(str),
    st.sampled_from(["007", "1.0", "x", "1_0", "+1", "-", "٣", "0x1", "nan", "1e3", "é", "\x00"]),
)
LINES = st.tuples(
    st.sampled_from(["1-2-3", "a", "12", "é/b"]),
    st.lists(WORDS, max_size=6),
    st.sampled_from(["", " ", "\t"]),
    st.sampled_from([" ", "\t", "  "]),
    st.sampled_from(["\n", "\r\n", " \n", "\n\n", "\n \n"]),
)


def naive(text: str, classes: int) -> list[tuple[int, str, list[int], int | None]]:
    """Line number, id, labels, and the position of the first wrong one."""
    result = []
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.split()
        if not words:
            continue
        sound = [
            word.isascii() and word.isdigit() and len(word) < 10 and int(word) < classes
            for word in words[1:]
        ]
        first = sound.index(False) + 1 if False in sound else None
        labels = [int(word) for word in words[1:]] if first is None else []
        result.append((number, words[0], labels, first))
    return result


@given(st.lists(LINES, max_size=8), st.booleans(), st.sampled_from([1, 41, MOST_CLASSES]))
def test_against_split_and_int(
    lines: list[tuple[str, list[str], str, str, str]], cut: bool, classes: int
) -> None:
    text = "".join(before + gap.join([id, *words]) + end for id, words, before, gap, end in lines)
    text = text.rstrip() if cut else text
    expected = naive(text, classes)
    for mark in (b"", b"\xef\xbb\xbf"):
        found = parse_labels(mark + text.encode(), classes)
        assert [(line.number, line.id) for line in found] == [row[:2] for row in expected]
        for line, (_, _, labels, first) in zip(found, expected, strict=True):
            if first is None:
                assert line.error is None
                assert line.labels.tolist() == labels
            else:
                assert line.error is not None
                assert f"at position {first} is" in line.error


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"a 1 2 x 3 y", "'x' at position 3 is not an integer"),
        (b"a 1.0", "'1.0' at position 1 is not an integer"),
        (b"a 0 41", "label 41 at position 2 is outside 0..40"),
        (b"a 0 -1", "label -1 at position 2 is outside 0..40"),
        (b"a 99999999999999999999", "label 99999999999999999999 at position 1 is outside 0..40"),
        (b"a 1\xff", "'1�' at position 1 is not an integer"),
    ],
)
def test_errors(text: bytes, error: str) -> None:
    bad, good = parse_labels(text + b"\nb 40\n", 41)
    assert bad.error == error
    assert (good.labels.tolist(), good.error) == ([40], None)


def test_empty_text() -> None:
    assert parse_labels(b"") == parse_labels(b"\n \r\n") == []


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_labels(path)
    path.write_bytes(b"\xff\xfe 1\n")
    with pytest.raises(UserError, match="not UTF-8 text"):
        read_labels(path)
