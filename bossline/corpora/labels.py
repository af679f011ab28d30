"""Frame labels as text: `id label label ...`, an utterance a line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.errors import UserError

MOST_CLASSES = 32_767  # labels are stored as int16
_MOST_DIGITS = 9
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


def read_labels(path: Path, classes: int = MOST_CLASSES) -> list[LabelLine]:
    """Read a label file; see `parse_labels`.

    Raises:
        UserError: missing or unreadable.
    """
    try:
        return parse_labels(path.read_bytes(), classes)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text") from error


def parse_labels(text: bytes, classes: int = MOST_CLASSES) -> list[LabelLine]:
    """Parse label lines, empty ones left out; all numbers at once, none accepted half.

    Args:
        text: UTF-8.
        classes: labels must lie in 0..classes-1.

    Raises:
        UnicodeDecodeError: an id is not UTF-8.

    >>> [(line.id, line.labels.tolist(), line.error) for line in parse_labels(b"a 0 1\\nb 7", 3)]
    [('a', [0, 1], None), ('b', [7], 'label 7 at position 1 is outside 0..2')]
    """
    ids, mark, numbers = _blank_ids(text)
    values, first, last, wrong = _parse_numbers(numbers)
    wrong |= values >= classes
    bounds = np.append(np.searchsorted(first, [start for _, start, _ in ids]), len(first))
    labels = values.astype(np.int16)
    errors: dict[int, str] = {}
    tokens = np.flatnonzero(wrong)
    lines, earliest = np.unique(np.searchsorted(bounds, tokens, "right") - 1, return_index=True)
    for line, token in zip(lines.tolist(), tokens[earliest].tolist(), strict=True):
        word = text[mark + first[token] : mark + last[token]].decode(errors="replace")
        errors[line] = _complaint(word, token - int(bounds[line]) + 1, classes)
    return [
        LabelLine(number, id, labels[bounds[line] : bounds[line + 1]], errors.get(line))
        for line, (number, _, id) in enumerate(ids)
    ]


def _blank_ids(text: bytes) -> tuple[list[tuple[int, int, str]], int, bytearray]:
    """Overwrite the ids with blanks, so that only numbers are left.

    Returns:
        (line number, offset, id) of each line that is not empty; the length of a byte order mark;
        the numbers, starting behind it.
    """
    mark = 3 if text.startswith(b"\xef\xbb\xbf") else 0
    numbers = bytearray(text[mark:])
    ids = []
    offset = 0
    for number, line in enumerate(text[mark:].split(b"\n"), start=1):
        if words := line.split(None, 1):
            start = offset + line.index(words[0])
            numbers[start : start + len(words[0])] = b" " * len(words[0])
            ids.append((number, offset, words[0].decode()))
        offset += len(line) + 1
    return ids, mark, numbers


def _parse_numbers(
    text: bytearray,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Value, first byte and end of every token, and whether it is anything but a short number."""
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
        return f"label {word} at position {position} is outside 0..{classes - 1}"
    return f"'{word}' at position {position} is not an integer"
