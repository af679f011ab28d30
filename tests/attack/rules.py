"""Which alterations nobody can find: where a format has no checksum and the file is still sound.

Each rule is a small reader of its own, written from the format's definition and strict: where it
finds a file inconsistent, a reader that takes the file and answers otherwise than before is at
fault.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import struct
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

import numpy as np

from tests.attack.sources import windows_of_11

OPTIONAL = {
    "libriphone": {"test_split.txt", "phones.txt"},
    "folder": {"classes.txt", "splits.txt", "speakers.txt"},
    "speaker": {"testdata.json"},
    "timit11": {"test_11.npy"},
    "covid": {"covid.test.csv"},
    "table": {"test.csv"},
    "food": {"classes.txt"},
    "food-2021": set[str](),
    "class-folders": set[str](),
    "recordings": set[str](),
}
"""Files that a set may lack."""

UNLISTED = {"food", "food-2021", "class-folders", "recordings"}
"""Layouts whose sets are what lies in their folders."""


def may_be_absent(layout: str, file: PurePath) -> bool:
    """Whether a set without the file is another sound set."""
    return str(file) in OPTIONAL[layout] or layout in UNLISTED


def is_sound(layout: str, file: PurePath, content: bytes) -> bool:
    """Whether a file's bytes may be what its maker wrote."""
    if file.suffix in (".pt", ".png", ".ogg", ".opus"):
        return False  # checksums over all that counts: what is altered is damaged
    if layout == "timit11":
        return _timit11(file, content)
    rule = _RULES[f"{layout}/{file}" if f"{layout}/{file}" in _RULES else file.suffix]
    try:
        return rule(content)
    except Exception:  # whatever the strict reader stumbles over is not sound
        return False


def _npy(content: bytes) -> bool:
    """Exactly as long as its header says."""
    stream = io.BytesIO(content)
    array = np.lib.format.read_array(stream, allow_pickle=False)
    return not stream.read(1) and array.ndim > 0


def _timit11(file: PurePath, content: bytes) -> bool:
    """Labels 0..38; rows that are the windows of utterances, each with its ends repeated."""
    try:
        if not _npy(content):
            return False
        array: Any = np.load(io.BytesIO(content), allow_pickle=False)
        if "label" in file.name:
            return {str(label) for label in array} <= set(map(str, range(39)))
        bits = array.view(np.uint32)
        breaks = (bits[:-1, 39:] != bits[1:, :-39]).any(1)
        for rows in np.split(array, np.flatnonzero(breaks) + 1):
            if not np.array_equal(windows_of_11(rows[:, 195:234]), rows):
                return False
    except Exception:
        return False
    return True


def _jpeg(content: bytes) -> bool:
    """It begins and it ends: no byte of a JPEG in between is secured by anything."""
    return content.startswith(b"\xff\xd8") and b"\xff\xd9" in content[-64:]


def _wav(content: bytes) -> bool:
    """Chunks that fill the file, with an odd byte of padding, one of the samples among them."""
    kind, size, form = struct.unpack("<4sI4s", content[:12])
    if kind != b"RIFF" or form != b"WAVE" or size + 8 not in (len(content), len(content) - 1):
        return False
    at, found = 12, set()
    while at < len(content) - 1:
        name, length = struct.unpack("<4sI", content[at : at + 8])
        found.add(name)
        at += 8 + length + length % 2
    return at in (len(content), len(content) + 1) and {b"fmt ", b"data"} <= found


def _flac(content: bytes) -> bool:
    """Frames are secured by CRC-16 and MD5; of what precedes them nothing is."""
    return content[:4] == b"fLaC" and content[4] & 127 == 0


def _mp3(content: bytes) -> bool:
    """No byte of an MP3 is secured; there is a frame."""
    return b"\xff\xfb" in content


def _text(pattern: str) -> Callable[[bytes], bool]:
    line = re.compile(pattern)

    def rule(content: bytes) -> bool:
        lines = re.split("\r\n|\n|\r", content.decode("utf-8-sig"))
        return all(line.fullmatch(text.strip(" \t")) for text in lines if text.strip(" \t"))

    return rule


def _csv(content: bytes) -> bool:
    """One number of cells in all lines, and below the names finite numbers."""
    text = content.decode("utf-8-sig")
    header, *rows = [r for r in csv.reader(io.StringIO(text, newline=""), strict=True) if r]
    names = [name.strip() for name in header]
    if len(set(names)) != len(names) or not all(name.isprintable() and name for name in names):
        return False
    return all(
        len(row) == len(names)
        and all(name == "id" or _finite(cell) for name, cell in zip(names, row, strict=True))
        for row in rows
    )


def _table(content: bytes) -> bool:
    """One number of cells in all lines; in a column of numbers, which half of the cells make it,
    all are, and any text is a category in the others."""
    text = content.decode("utf-8-sig")
    header, *rows = [r for r in csv.reader(io.StringIO(text, newline=""), strict=True) if r]
    names = [name.strip() for name in header]
    if len(set(names)) != len(names) or not all(name.isprintable() and name for name in names):
        return False
    if any(len(row) != len(names) for row in rows):
        return False
    for column in zip(*rows, strict=True):
        finite = sum(map(_finite, column))
        whole = finite == len(column) if 2 * finite >= len(column) else True
        if not whole or not all(cell.strip() and cell.isprintable() for cell in column):
            return False
    return True


def _finite(cell: str) -> bool:
    return bool(re.fullmatch(r"\s*[-+]?[0-9.]+([eE][-+]?\d+)?\s*", cell)) and math.isfinite(
        float(cell)
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _constant(name: str) -> Any:
    raise ValueError(name)


def _json(content: bytes) -> bool:
    """JSON by the standard: without NaN, no key twice, nothing unprintable in it."""
    text = content.decode("utf-8-sig")
    json.loads(text, object_pairs_hook=_unique, parse_constant=_constant)
    return all(c.isprintable() or c in "\r\n\t" for c in text)


def _utf8(content: bytes) -> bool:
    """A text, of whatever words."""
    content.decode("utf-8-sig")
    return True


_WORD = r"[^\x00-\x20\x7f-\xa0\u2000-\u200f\u2028-\u202f\u3000\ufeff\ufffd]+"
_LABELS = rf"{_WORD}(\s+-?[0-9]{{1,9}})*"
_RULES: dict[str, Callable[[bytes], bool]] = {
    ".npy": _npy,
    ".jpg": _jpeg,
    ".wav": _wav,
    ".flac": _flac,
    ".mp3": _mp3,
    ".csv": _csv,
    ".json": _json,
    ".txt": _text(rf"{_WORD}(\s+{_WORD})?"),
    "table/train.csv": _table,
    "table/test.csv": _table,
    ".lab": _utf8,
    ".TextGrid": _utf8,
    ".dict": _utf8,
    "libriphone/train_labels.txt": _text(_LABELS),
    "folder/labels.txt": _text(_LABELS),
    "food/classes.txt": _text(r"[^\x00-\x1f\x7f-\x9f\ufffd]+"),
    "folder/classes.txt": _text(r"[^\x00-\x1f\x7f-\x9f\ufffd]+"),
}
