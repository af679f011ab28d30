"""TIMIT-11, the phoneme set of the 2021 course: windows of 11 frames, one a row.

    train_11.npy   float32 (N, 429)    train_label_11.npy   (N,) strings '0'..'38', or integers
    test_11.npy    the same            (may be absent)

A row is frames t-5 ... t+5 of 39 numbers, so the frame itself is columns 195..233; windows at the
ends of an utterance repeat its first or last frame. The centres alone therefore hold everything,
and windows of any width can be rebuilt from them, once it is known where utterances end.

The files do not say where. Within an utterance a row holds the last ten frames of the row before
it, bit for bit, and at a boundary it does not. (Two utterances of which one ends and the next
begins in the same five equal frames, as digital silence may be, stay joined: no one can tell.)
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.corpora.readers.base import (
    Item,
    Listing,
    Problem,
    Reader,
    existing,
    register,
    require,
)
from bossline.errors import UserError
from bossline.features.spec import FeatureSpec

_DIM = 39
_WIDTH = 11
_CENTRE = slice(_WIDTH // 2 * _DIM, (_WIDTH // 2 + 1) * _DIM)
_CLASSES = tuple(str(k) for k in range(39))  # the course never said which phone is which
_LABELS = "train_label_11.npy"
_ROWS = {"train": "train_11.npy", "test": "test_11.npy"}
_CHUNK = 8192


def _map(path: Path) -> npt.NDArray[Any]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: truncated or no .npy array of numbers or strings") from error
    if not isinstance(array, np.ndarray):
        raise UserError(f"{path}: an .npz archive, expected an .npy array")
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
        UserError: rows were shuffled, as in a well-known second split of this set.
    """
    begins = bounds[:-1]
    if len(begins) * 2 <= len(rows):
        return
    first = rows[begins[:_CHUNK], : (_WIDTH // 2 + 1) * _DIM].reshape(-1, _WIDTH // 2 + 1, _DIM)
    if (first != first[:, :1]).any(axis=(1, 2)).mean() > 0.5:
        raise UserError(
            f"{path}: its rows are not in the order of time, so utterances cannot be told apart "
            "(a copy that was split anew by rows?); use the course's own files"
        )


def _read_centres(rows: npt.NDArray[Any], start: int, stop: int) -> npt.NDArray[Any]:
    return np.array(rows[start:stop, _CENTRE])


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
    wrong = {
        int(
            row
        ): f"label '{texts[inverse[row]]}' of row {row} is no integer in 0..{len(_CLASSES) - 1}"
        for row in np.flatnonzero(labels < 0)[::-1]
    }
    return labels, wrong


@register
class Timit11(Reader):
    name = "timit11"
    description = "train_11.npy, train_label_11.npy, test_11.npy: rows of 11 frames"

    def recognises(self, path: Path) -> bool:
        return (path / _ROWS["train"]).is_file()

    def files(self, path: Path) -> list[Path]:
        return existing(path, [*_ROWS.values(), _LABELS])

    def scan(self, path: Path) -> Listing:
        require(path, self, [_ROWS["train"], _LABELS])
        labels, wrong = _read_labels(path / _LABELS)
        listing = Listing(FeatureSpec(kind="other", dim=_DIM), _CLASSES)
        for part, file in _ROWS.items():
            if not (path / file).is_file():
                continue
            rows = _map_rows(path / file)
            if part == "train" and len(labels) != len(rows):
                raise UserError(
                    f"{path}: {len(labels)} labels in {_LABELS} for {len(rows)} rows in {file}"
                )
            bounds = utterance_bounds(rows)
            _require_time_order(path / file, rows, bounds)
            for number, (start, stop) in enumerate(pairwise(bounds.tolist())):
                listing.items.append(
                    Item(
                        f"{part}-{number:05d}",
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
                    Problem(_LABELS, why, f"{part}-{number:05d}", part)
                    for number, why in sorted(first_wrong.items())
                )
        return listing
