"""TIMIT-11, the phoneme set of the 2021 course: windows of 11 frames, one a row.

    train_11.npy   float32 (N, 429)    train_label_11.npy   (N,) strings '0'..'38', or integers
    test_11.npy    the same            (may be absent)

A row is frames t-5 ... t+5 of 39 numbers, so the frame itself is columns 195..233; windows at the
ends of an utterance repeat its first or last frame. The centres alone therefore hold everything,
and windows of any width can be rebuilt from them, once it is known where utterances end.

The files do not say where. Within an utterance a row holds the last ten frames of the row before
it, bit for bit, and at a boundary it does not. (Two utterances of which one ends and the next
begins in the same five equal frames, as digital silence may be, stay joined: no one can tell.) A
break between rows of which one is no last or the other no first one of an utterance is damage.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.core.archives import DamagedFile
from bossline.core.errors import UserError
from bossline.data.featurefile import npy_header
from bossline.data.features.spec import FeatureSpec
from bossline.data.labels import quoted
from bossline.data.readers.base import (
    Item,
    Listing,
    Problem,
    Reader,
    existing,
    present,
    register,
    require,
)

_DIM = 39
_WIDTH = 11
_CENTRE = slice(_WIDTH // 2 * _DIM, (_WIDTH // 2 + 1) * _DIM)
_CLASSES = tuple(str(k) for k in range(39))  # the course never said which phone is which
_LABELS = "train_label_11.npy"
_ROWS = {"train": "train_11.npy", "test": "test_11.npy"}
_CHUNK = 8192
_ALIKE = 1e-3  # 1 - correlation of two rows' common frames, where only their scale differs


def _map(path: Path) -> npt.NDArray[Any]:
    try:
        npy_header(path)
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except DamagedFile as damage:
        raise UserError(f"{path}: {damage}") from damage
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error
    return array


def _map_rows(path: Path) -> npt.NDArray[Any]:
    rows = _map(path)
    if rows.ndim != 2 or rows.shape[1] != _WIDTH * _DIM or rows.dtype != np.float32:
        wanted = f"float32 (N, {_WIDTH * _DIM})"
        raise UserError(f"{path}: expected {wanted}, found {rows.dtype} {rows.shape}")
    return rows


def utterance_bounds(rows: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Where utterances begin, and the end: utterance u is rows[bounds[u]:bounds[u + 1]].

    Args:
        rows: (N, 429) float32 windows in the order of time.
    """
    if not len(rows):
        return np.zeros(1, np.int64)
    begins = [np.zeros(1, np.int64)]
    for start in range(0, len(rows) - 1, _CHUNK):
        # Compared as bits: a NaN, which is reported later, must not look like a boundary.
        bits = np.ascontiguousarray(rows[start : start + _CHUNK + 1]).view(np.uint32)
        breaks = (bits[:-1, _DIM:] != bits[1:, :-_DIM]).any(axis=1)
        begins.append(np.flatnonzero(breaks) + start + 1)
    return np.concatenate([*begins, [len(rows)]]).astype(np.int64)


def _require_time_order(path: Path, rows: npt.NDArray[Any], bounds: npt.NDArray[np.int64]) -> None:
    """
    Raises:
        UserError: rows were shuffled, as in a well-known second split of this set, or changed after
            the windows were made, so that utterances cannot be told apart.
    """
    begins = bounds[:-1]
    if len(begins) * 2 <= len(rows) or _of_begins(rows, begins[:_CHUNK]).mean() >= 0.5:
        return
    second = begins[1 : _CHUNK + 1]
    if _unlikeness(rows[second - 1, _DIM:], rows[second, :-_DIM]) < _ALIKE:
        raise UserError(
            f"{path}: neighbouring rows overlap, but not bit for bit, so utterances cannot be told "
            "apart: were the rows scaled or rounded? use the course's own files"
        )
    raise UserError(
        f"{path}: its rows are not in the order of time, so utterances cannot be told apart "
        "(a copy that was split anew by rows?); use the course's own files"
    )


def _unlikeness(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """Median of 1 - correlation over pairs of rows; infinite where none has one."""
    centred = [x - x.mean(axis=1, keepdims=True) for x in (np.float64(one), np.float64(other))]
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        products = (centred[0] * centred[1]).sum(axis=1)
        correlation = products / np.sqrt((centred[0] ** 2).sum(1) * (centred[1] ** 2).sum(1))
    known = correlation[np.isfinite(correlation)]
    return float(np.median(1 - known)) if len(known) else np.inf


def _of_begins(rows: npt.NDArray[Any], indices: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each of these rows can be an utterance's first: it repeats its frame to the left."""
    left = np.ascontiguousarray(rows[indices, : _CENTRE.stop]).view(np.uint32)
    frames = left.reshape(-1, _WIDTH // 2 + 1, _DIM)
    return np.asarray((frames == frames[:, :1]).all(axis=(1, 2)))


def _of_ends(rows: npt.NDArray[Any], indices: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each of these rows can be an utterance's last: it repeats its frame to the right."""
    right = np.ascontiguousarray(rows[indices, _CENTRE.start :]).view(np.uint32)
    frames = right.reshape(-1, _WIDTH // 2 + 1, _DIM)
    return np.asarray((frames == frames[:, :1]).all(axis=(1, 2)))


def _breaks(rows: npt.NDArray[Any], bounds: npt.NDArray[np.int64]) -> list[tuple[int, bool, bool]]:
    """Bounds within the rows that are damage: where, whether an utterance may end before it, and
    whether one may begin there; not both."""
    found = []
    inner = bounds[1:-1]
    for start in range(0, len(inner), _CHUNK):
        piece = inner[start : start + _CHUNK]
        ends, begins = _of_ends(rows, piece - 1), _of_begins(rows, piece)
        for place in np.flatnonzero(~(ends & begins)):
            found.append((int(piece[place]), bool(ends[place]), bool(begins[place])))
    return found


def _damage(
    file: str, part: str, breaks: list[tuple[int, bool, bool]], bounds: npt.NDArray[np.int64]
) -> Iterator[Problem]:
    """Name the rows: the one that disagrees with both its neighbours, else both of them.

    Args:
        bounds: of the utterances, put together again.
    """
    suspects = Counter[int]()
    for row, ends, begins in breaks:
        suspects.update([row - 1] * (not ends) + [row] * (not begins))

    def problem(first: int, last: int, why: str) -> Problem:
        rows = f"row {first}" if first == last else f"rows {first}..{last}"
        id = _id(part, int(np.searchsorted(bounds, first, "right")) - 1)
        return Problem(f"{file} {rows}", why, id, part)

    for row in sorted(row for row, votes in suspects.items() if votes == 2):
        yield problem(row, row, "disagrees with the rows before and behind it: damaged")
    for row, ends, begins in breaks:
        if suspects[row - 1] < 2 and suspects[row] < 2:
            why = "an utterance breaks off in the middle: damaged, or rows are lost"
            yield problem(row if ends else row - 1, row - 1 if begins else row, why)


def _id(part: str, index: int) -> str:
    return f"{part}-{index:05d}"


def _read_centres(rows: npt.NDArray[Any], start: int, stop: int) -> npt.NDArray[Any]:
    """
    Raises:
        DamagedFile: all frames are equal, as where a stretch of the file was lost.
    """
    frames = np.array(rows[start:stop, _CENTRE])
    if len(frames) > 1 and (frames == frames[0]).all():
        raise DamagedFile("all frames are equal: silence only")
    return frames


def _read_labels(path: Path) -> tuple[npt.NDArray[np.int16], dict[int, str]]:
    """(N,) labels, and what is wrong with which row."""
    stored = _map(path)
    if stored.ndim != 1 or stored.dtype.kind not in "USiu":
        raise UserError(
            f"{path}: expected (N,) strings or integers, found {stored.dtype} {stored.shape}"
        )
    words, inverse = np.unique(stored, return_inverse=True)
    texts = [
        word.decode(errors="replace") if isinstance(word, bytes) else str(word) for word in words
    ]
    known = {name: label for label, name in enumerate(_CLASSES)}
    values = np.array([known.get(text, -1) for text in texts], np.int16)
    labels = values[inverse]
    wanted = f"no integer in 0..{len(_CLASSES) - 1}"
    wrong = {
        row: f"label {quoted(texts[inverse[row]])} of row {row} is {wanted}"
        for row in np.flatnonzero(labels < 0)[::-1].tolist()
    }
    return labels, wrong


@register
class Timit11(Reader):
    name = "timit11"
    description = "train_11.npy, train_label_11.npy, test_11.npy: rows of 11 frames"

    def recognises(self, path: Path) -> bool:
        return os.path.lexists(path / _ROWS["train"])

    def files(self, path: Path) -> list[Path]:
        return existing(path, [*_ROWS.values(), _LABELS])

    def scan(self, path: Path) -> Listing:
        require(path, self, [_ROWS["train"], _LABELS])
        labels, wrong = _read_labels(path / _LABELS)
        listing = Listing(FeatureSpec(kind="other", dim=_DIM), _CLASSES)
        for part, file in _ROWS.items():
            if not present(path / file):
                continue
            rows = _map_rows(path / file)
            if part == "train" and len(labels) != len(rows):
                raise UserError(
                    f"{path}: {len(labels)} labels in {_LABELS} for {len(rows)} rows in {file}"
                )
            bounds = utterance_bounds(rows)
            _require_time_order(path / file, rows, bounds)
            breaks = _breaks(rows, bounds)
            torn = [row for row, ends, begins in breaks if not ends and not begins]
            bounds = np.setdiff1d(bounds, torn)
            listing.problems.extend(_damage(file, part, breaks, bounds))
            for index, (start, stop) in enumerate(pairwise(bounds.tolist())):
                listing.items.append(
                    Item(
                        _id(part, index),
                        part,
                        f"{file} rows {start}..{stop - 1}",
                        partial(_read_centres, rows, start, stop),
                        labels=labels[start:stop] if part == "train" else None,
                    )
                )
            if part == "train":
                first_wrong = {
                    int(np.searchsorted(bounds, row, "right")) - 1: why
                    for row, why in wrong.items()
                }
                listing.problems.extend(
                    Problem(_LABELS, why, _id(part, index), part)
                    for index, why in sorted(first_wrong.items())
                )
        return listing
