"""Frame labels as text: `id label label ...`, an utterance a line."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, AnyStr

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError
from bossline.core.reading import read_bytes, reason, within_memory

MOST_CLASSES = 32_767  # labels are stored as int16
_MOST_DIGITS = 9
_LONGEST = 40  # characters of a word that a message shows
_INTEGER = re.compile("-?[0-9]+")
_WHITE = np.isin(np.arange(256), list(b" \t\n\v\f\r"))


@dataclass(frozen=True)
class LabelLine:
    """One line of a label file."""

    number: int
    """Counted from 1, as editors do."""
    id: str
    labels: npt.NDArray[np.int16]
    """(T,); meaningless where there is an error."""
    error: str | None
    """What is wrong with the labels."""
    unfinished: bool = False
    """The last line of a file, without an end: perhaps the rest of it was lost."""


def quoted(word: str) -> str:
    """A word of a file for a message: short, and without what a terminal would act upon.

    >>> quoted("Ä b"), quoted("\\x1b[2J")
    ("'Ä b'", "'\\\\x1b[2J'")
    """
    short = word if len(word) <= _LONGEST else f"{word[:_LONGEST]}..."
    return f"'{short}'" if short.isprintable() and "\\" not in short else ascii(short)


def leading_id(line: AnyStr, spaced: Collection[AnyStr], longest: int) -> AnyStr:
    """The first word of a line, or the longest id with blanks that the line begins with.

    Args:
        line: not empty, without white space at its beginning.
        spaced: ids with blanks in them.
        longest: length of the longest of them, else 0.

    >>> leading_id("a b 1 2", {"a b"}, 3)
    'a b'
    """
    for end in range(min(longest, len(line)), 0, -1):
        if not line[end : end + 1].strip() and line[:end] in spaced:
            return line[:end]
    return line.split(None, 1)[0]


def read_labels(
    path: Path, classes: int = MOST_CLASSES, spaced: Collection[str] = ()
) -> list[LabelLine]:
    """Read a label file; see `parse_labels`.

    Raises:
        UserError: missing or unreadable.
    """
    content = b""
    try:
        with within_memory(path):
            content = read_bytes(path)
            return parse_labels(content, classes, spaced)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {reason(error)}") from error
    except UnicodeDecodeError as error:
        line = content[: content.index(error.object)].count(b"\n") + 1
        raise UserError(f"{path} line {line}: not UTF-8 text") from error


def parse_labels(
    text: bytes, classes: int = MOST_CLASSES, spaced: Collection[str] = ()
) -> list[LabelLine]:
    """Parse label lines, empty ones left out; all labels at once, none accepted half.

    Args:
        text: UTF-8.
        classes: labels must lie in 0..classes-1.
        spaced: ids with blanks in them; any other id is a word.

    Raises:
        UnicodeDecodeError: an id is not UTF-8.

    >>> [(line.id, line.labels.tolist(), line.error) for line in parse_labels(b"a 0 1\\nb 7", 3)]
    [('a', [0, 1], None), ('b', [7], 'label 7 at position 1 is outside 0..2')]
    """
    ids, mark, rest = _blank_ids(text, {id.encode() for id in spaced})
    values, first, last, wrong = _parse_integers(rest)
    wrong |= values >= classes
    bounds = np.append(np.searchsorted(first, [start for _, start, _ in ids]), len(first))
    labels = values.astype(np.int16)
    errors: dict[int, str] = {}
    tokens = np.flatnonzero(wrong)
    lines, earliest = np.unique(np.searchsorted(bounds, tokens, "right") - 1, return_index=True)
    for line, token in zip(lines.tolist(), tokens[earliest].tolist(), strict=True):
        word = text[mark + first[token] : mark + last[token]].decode(errors="replace")
        errors[line] = _complaint(word, token - int(bounds[line]) + 1, classes)
    last_line = text.count(b"\n") + 1  # what stands behind the last end of a line
    return [
        LabelLine(
            number, id, labels[bounds[line] : bounds[line + 1]], errors.get(line),
            unfinished=number == last_line,
        )
        for line, (number, _, id) in enumerate(ids)
    ]  # fmt: skip


def _blank_ids(
    text: bytes, spaced: Collection[bytes]
) -> tuple[list[tuple[int, int, str]], int, bytearray]:
    """Overwrite the ids with blanks, so that only labels are left.

    Returns:
        (line number, offset, id) of each line that is not empty; the length of a byte order mark;
        the labels, starting behind it.
    """
    mark = 3 if text.startswith(b"\xef\xbb\xbf") else 0
    rest = bytearray(text[mark:])
    ids = []
    longest = max(map(len, spaced), default=0)
    offset = 0
    for number, line in enumerate(text[mark:].split(b"\n"), start=1):
        if line and not line.isspace():
            id = leading_id(line.lstrip(), spaced, longest)
            start = offset + line.index(id)
            rest[start : start + len(id)] = b" " * len(id)
            ids.append((number, offset, id.decode()))
        offset += len(line) + 1
    return ids, mark, rest


def _parse_integers(
    text: bytearray,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Value, first byte and end of every token, and whether it is anything but a short integer."""
    characters = np.frombuffer(text, np.uint8)
    edges = np.flatnonzero(np.diff(_WHITE[characters], prepend=True, append=True))
    first, last = edges[::2], edges[1::2]
    digits = characters - np.uint8(ord("0"))  # wraps: whatever is no digit becomes 10 or more
    lengths = last - first
    values = digits[first].astype(np.int32)
    wrong = (values > 9) | (lengths > _MOST_DIGITS)
    longer = np.flatnonzero(lengths > 1)
    for place in range(1, _MOST_DIGITS):
        longer = longer[lengths[longer] > place]
        digit = digits[first[longer] + place]
        wrong[longer] |= digit > 9
        values[longer] = values[longer] * 10 + digit
    return values, first, last, wrong


def _complaint(word: str, position: int, classes: int) -> str:
    if _INTEGER.fullmatch(word):
        return f"label {quoted(word)[1:-1]} at position {position} is outside 0..{classes - 1}"
    return f"{quoted(word)} at position {position} is not an integer"
