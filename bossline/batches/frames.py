"""Where the frames that batches are made of are kept: in their mapped shards, or on a GPU.

A mapped shard takes no memory of its own: its pages are the kernel's, shared by all processes, and
given back whenever something else wants them. So on a CPU frames stay where they are, in the
precision they have there, and a batch alone is float32. A GPU gets its own copy of them, in their
precision too (see ahead.py for more of them than it has room for). Frames that are in no file, as
those of a recording to be recognised, are joined.
"""

from __future__ import annotations

import mmap
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from numpy.lib.stride_tricks import as_strided
from torch import Tensor

from bossline.core.runtime import on_device

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

_BLOCK_BYTES = 1 << 26  # of frames on their way to a device


class Frames(ABC):
    """Frames of utterances, numbered end to end.

    Attributes:
        lengths: (U,) frames of each utterance.
        device: where batches of them are made.
    """

    def __init__(self, pieces: Sequence[Array], device: torch.device) -> None:
        self.lengths = np.array([len(piece) for piece in pieces], np.int64)
        self.device = device
        self._ends = np.cumsum(self.lengths)
        self._starts = self._ends - self.lengths

    def __len__(self) -> int:
        return int(self._ends[-1])

    @abstractmethod
    def windows(self, indices: Tensor) -> Tensor:
        """(B, width * D) float32 around frames (B,) int64, frames in order of time.

        Before an utterance's first frame stands this again, and so behind its last.
        """

    @abstractmethod
    def stretches(self, starts: Ints, lengths: Ints, steps: int) -> Tensor:
        """(B, T, D) float32: stretches, each of one utterance, with zeros beyond their ends.

        Args:
            starts: (B,) number of the first frame of each.
            lengths: (B,) how long each is.
            steps: T, at least the longest.
        """


def frames_of(pieces: Sequence[Array], device: torch.device, width: int = 1) -> Frames:
    """
    Args:
        pieces: features of each utterance, (T, D) each.
        device: where batches are wanted; a GPU has room for all of them.
        width: of the windows that are asked for, odd.
    """
    if device.type == "cpu" and (files := _files_of(pieces, width)) is not None:
        return Mapped(pieces, files, width)
    return Joined(pieces, device, width)


class Joined(Frames):
    """Frames end to end on a device, with edge frames repeated where windows reach beyond."""

    def __init__(self, pieces: Sequence[Array], device: torch.device, width: int) -> None:
        """See frames_of."""
        super().__init__(pieces, device)
        reach = width // 2
        self._frames = _joined(pieces, reach, device)
        self._windows = _windows(self._frames, width)
        # How far on the frames of each utterance are there, and where each utterance ends.
        self._before = reach + 2 * reach * np.arange(len(pieces))
        self._shifts = torch.from_numpy(self._before - reach).to(device)
        self._device_ends = torch.from_numpy(self._ends).to(device)

    def windows(self, indices: Tensor) -> Tensor:
        utterances = torch.searchsorted(self._device_ends, indices, right=True)
        rows = indices + self._shifts.index_select(0, utterances)
        return self._windows.index_select(0, rows).float()

    def stretches(self, starts: Ints, lengths: Ints, steps: int) -> Tensor:
        utterances = np.searchsorted(self._ends, starts, side="right")
        first = on_device(torch.from_numpy(starts + self._before[utterances]), self.device)
        places = torch.arange(steps, device=self.device)
        rows = (first.unsqueeze(1) + places).flatten().clamp_max_(len(self._frames) - 1)
        taken = self._frames.index_select(0, rows).float().view(len(lengths), steps, -1)
        beyond = places >= on_device(torch.from_numpy(lengths), self.device).unsqueeze(1)
        return taken.masked_fill_(beyond.unsqueeze(2), 0)


class Mapped(Frames):
    """Frames where they lie in files, for batches on the CPU; nothing of them is copied before."""

    def __init__(self, pieces: Sequence[Array], files: _Files, width: int) -> None:
        """See frames_of."""
        super().__init__(pieces, torch.device("cpu"))
        self._files = files
        self._windows = [_windows(frames, width) for frames in files.frames]
        self._utterances = _Utterances(self._ends)
        # From the indices of an utterance's frames to the rows where their windows begin in its
        # file; the first and the last of these rows whose windows lie within it.
        self._shifts = files.first - self._starts - width // 2
        self._last = files.first + self.lengths - width
        self._window = np.arange(width)

    def windows(self, indices: Tensor) -> Tensor:
        given = indices.numpy()
        utterances = self._utterances.of(given)
        rows = given + self._shifts.take(utterances)
        # A few of a batch reach beyond their utterance: they are gathered frame by frame.
        first, last = self._files.first.take(utterances), self._last.take(utterances)
        beyond = np.flatnonzero((rows < first) | (rows > last))
        around = rows[beyond, None] + self._window
        rows[beyond] = 0
        windows = self._taken(self._windows, utterances, rows)
        if len(beyond):
            ends = last[beyond, None] + self._window[-1]
            own = np.minimum(np.maximum(around, first[beyond, None]), ends).ravel()
            whose = utterances[beyond].repeat(len(self._window))
            taken = self._taken(self._files.frames, whose, own).view(len(beyond), -1)
            windows.index_copy_(0, torch.from_numpy(beyond), taken)
        return windows.float()

    def _taken(self, sources: Sequence[Tensor], utterances: Ints, rows: Ints) -> Tensor:
        """(B, K): rows (B,) of the files of utterances (B,), each file (N, K)."""
        if len(sources) == 1:
            return sources[0].index_select(0, torch.from_numpy(rows))
        file = self._files.file.take(utterances)
        order = file.argsort()
        split = np.split(rows[order], np.bincount(file, minlength=len(sources)).cumsum()[:-1])
        taken = [
            frames.index_select(0, torch.from_numpy(some))
            for frames, some in zip(sources, split, strict=True)
        ]
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return torch.cat(taken).index_select(0, torch.from_numpy(back))

    def stretches(self, starts: Ints, lengths: Ints, steps: int) -> Tensor:
        utterances = np.searchsorted(self._ends, starts, side="right")
        rows = self._files.first[utterances] + starts - self._starts[utterances]
        batch = torch.zeros(len(lengths), steps, self._files.frames[0].shape[1])
        files = self._files.file[utterances].tolist()
        each = zip(files, rows.tolist(), lengths.tolist(), strict=True)
        for place, (file, row, length) in enumerate(each):
            batch[place, :length] = self._files.frames[file][row : row + length]
        return batch


class _Utterances:
    """Which utterance a frame is of, by a table of every so many frames: much sooner than a search.

    The table costs an eighth of a byte a frame.
    """

    _SHIFT = 6

    def __init__(self, ends: Ints) -> None:
        """
        Args:
            ends: (U,) where each utterance ends.
        """
        some = np.arange(0, ends[-1], 1 << self._SHIFT)
        self._table = np.searchsorted(ends, some, side="right")
        self._most = int(np.diff(self._table, append=len(ends) - 1).max())
        self._ends = ends

    def of(self, indices: Ints) -> Ints:
        """(B,) from indices of frames (B,)."""
        found = self._table.take(indices >> self._SHIFT)
        for _ in range(self._most):
            found += self._ends.take(found) <= indices
        return found


def _windows(frames: Tensor, width: int) -> Tensor:
    """(N, D) -> (N - width + 1, width * D): overlapping rows of the same memory."""
    rows, dim = frames.shape
    return frames.as_strided((rows - width + 1, width * dim), (dim, 1))


class _Files(NamedTuple):
    """What pieces are views of."""

    frames: list[Tensor]
    """(N, D) of each file, from its first piece to its last."""
    file: Ints
    """(U,) which of them each piece is in."""
    first: Ints
    """(U,) the row there of its first frame."""


def _files_of(pieces: Sequence[Array], width: int) -> _Files | None:
    """The mapped files that hold the pieces; None where one is in none, or is not whole rows of
    it, or a file is shorter than a window.
    """
    members_of: dict[int, list[int]] = {}
    for number, piece in enumerate(pieces):
        if not (piece.flags.c_contiguous and piece.flags.aligned and _is_mapped(piece)):
            return None
        members_of.setdefault(id(piece.base), []).append(number)
    addresses = np.array([piece.__array_interface__["data"][0] for piece in pieces])
    lengths = np.array([len(piece) for piece in pieces])
    found = _Files([], *np.zeros((2, len(pieces)), np.int64))
    for number, members in enumerate(members_of.values()):
        lowest = pieces[members[int(addresses[members].argmin())]]
        dim, dtype = lowest.shape[1], lowest.dtype
        step = dim * dtype.itemsize
        rows, rest = np.divmod(addresses[members] - addresses[members].min(), step)
        count = int((rows + lengths[members]).max())
        alike = all(pieces[u].shape[1] == dim and pieces[u].dtype == dtype for u in members)
        if rest.any() or not alike or count < width:
            return None
        found.file[members], found.first[members] = number, rows
        frames = as_strided(lowest, (count, dim), (step, dtype.itemsize), writeable=False)
        with warnings.catch_warnings():  # torch wants to write, and nobody does
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            found.frames.append(torch.from_numpy(frames))
    return found


def _is_mapped(piece: Array) -> bool:
    owner: object = piece
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return isinstance(owner, memoryview) and isinstance(owner.obj, mmap.mmap)


def _joined(pieces: Sequence[Array], reach: int, device: torch.device) -> Tensor:
    """(U * 2 * reach + N, D) on a device: pieces end to end, edge frames repeated."""
    rows = sum(len(piece) + 2 * reach for piece in pieces)
    dtype = np.result_type(*{piece.dtype for piece in pieces})
    like = torch.from_numpy(np.empty(0, dtype))
    joined = torch.empty(rows, pieces[0].shape[1], dtype=like.dtype, device=device)
    end = 0
    for block in _blocks(pieces):
        padded = torch.from_numpy(pad_edges(block, reach))
        start, end = end, end + len(padded)
        joined[start:end] = padded
    return joined


def _blocks(pieces: Sequence[Array]) -> Iterator[Sequence[Array]]:
    """Neighbours in blocks, so that what is on its way to a device is never all of them."""
    share = np.cumsum([piece.nbytes for piece in pieces]) // _BLOCK_BYTES
    bounds = [0, *(np.flatnonzero(np.diff(share)) + 1).tolist(), len(pieces)]
    for start, stop in pairwise(bounds):
        yield pieces[start:stop]


def pad_edges(pieces: Sequence[Array], reach: int) -> Array:
    """Join (T, D) pieces end to end, each with its edge frames repeated `reach` times."""
    dtype = np.result_type(*{piece.dtype for piece in pieces})
    rows = sum(len(piece) + 2 * reach for piece in pieces)
    padded = np.empty((rows, pieces[0].shape[1]), dtype)
    row = 0
    for piece in pieces:
        first, end = row + reach, row + reach + len(piece)
        padded[row:first] = piece[0]
        padded[first:end] = piece
        padded[end : end + reach] = piece[-1]
        row = end + reach
    return padded
