"""Frames of mapped files against the same frames in memory, and against loops over them."""

from __future__ import annotations

import mmap
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bossline.batches.frames import Joined, Mapped, frames_of
from bossline.data.packed import Corpus

CPU = torch.device("cpu")
DIM = 3


def mapped(folder: Path, number: int, frames: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same frames as a view of a file, behind a header as shards have one."""
    path = folder / f"{number}"
    path.write_bytes(b"8 bytes." + frames.tobytes())
    with path.open("rb") as stream:
        content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    numbers = np.frombuffer(content, np.uint8)[8:].view(frames.dtype)
    return numbers.reshape(frames.shape)


@given(
    lengths=st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=6), min_size=1, max_size=4),
    reach=st.integers(0, 4),
    halves=st.lists(st.booleans(), min_size=4, max_size=4),
    seed=st.integers(0, 2**31),
)
def test_scattered_utterances_of_files_are_those_in_memory(
    lengths: list[list[int]], reach: int, halves: list[bool], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pieces: list[npt.NDArray[Any]] = []
    with TemporaryDirectory() as folder:
        for number, (some, half) in enumerate(zip(lengths, halves, strict=False)):
            ends = np.cumsum(some)
            content = rng.normal(size=(ends[-1], DIM)).astype(np.float16 if half else np.float32)
            pieces += np.split(mapped(Path(folder), number, content), ends[:-1])
        pieces = [pieces[u] for u in rng.permutation(len(pieces))[: 1 + len(pieces) // 2]]
        both = [
            frames_of(these, CPU, 2 * reach + 1) for these in (pieces, list(map(np.copy, pieces)))
        ]
        numbers = torch.from_numpy(rng.integers(len(both[0]), size=20))
        clamped = np.concatenate(
            [
                piece[
                    np.clip(
                        np.arange(len(piece))[:, None] + np.arange(-reach, reach + 1),
                        0,
                        len(piece) - 1,
                    )
                ]
                for piece in pieces
            ]
        ).astype(np.float32)
        u = rng.integers(len(pieces), size=5)
        each = both[0].lengths[u]
        within = rng.integers(each)
        long = 1 + rng.integers(each - within)
        starts = (np.cumsum(both[0].lengths) - both[0].lengths)[u] + within
        for frames in both:
            assert len(frames) == sum(map(len, pieces))
            windows = frames.windows(numbers)
            assert windows.dtype == torch.float32
            np.testing.assert_array_equal(windows, clamped[numbers].reshape(20, -1))
            stretches = frames.stretches(starts, long, 1 + long.max())
            expected = np.zeros((5, 1 + long.max(), DIM), np.float32)
            for row, (whose, first, length) in enumerate(zip(u, within, long, strict=True)):
                expected[row, :length] = pieces[whose][first : first + length]
            np.testing.assert_array_equal(stretches, expected)


def test_frames_of_a_corpus_are_not_copied(toy: Corpus) -> None:
    pieces = [toy.frames(u) for u in range(1, len(toy), 2)]
    frames = frames_of(pieces, CPU, 11)
    assert isinstance(frames, Mapped)
    (source,) = frames._files.frames
    assert source.dtype == torch.float16
    assert source.data_ptr() == pieces[0].__array_interface__["data"][0]


@pytest.mark.parametrize("change", ["columns", "every other", "in memory"])
def test_what_is_no_run_of_whole_rows_of_a_file_is_joined(toy: Corpus, change: str) -> None:
    pieces = [toy.frames(0), toy.frames(1)]
    pieces[1] = {
        "columns": toy.frames(1)[:, 1:],
        "every other": toy.frames(1)[::2],
        "in memory": toy.frames(1).copy(),
    }[change]
    if change == "columns":
        pieces[0] = toy.frames(0)[:, :-1]
    frames = frames_of(pieces, CPU, 3)
    assert isinstance(frames, Joined)
    everything = frames.windows(torch.arange(len(frames)))
    dim = pieces[0].shape[1]
    expected = np.concatenate(pieces).astype(np.float32)
    np.testing.assert_array_equal(everything[:, dim : 2 * dim], expected)
