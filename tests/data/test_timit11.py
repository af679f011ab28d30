"""Utterances come back from concatenated windows exactly."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bossline.core.archives import DamagedFile
from bossline.core.errors import UserError
from bossline.data.readers import choose_reader, timit11
from bossline.data.readers.timit11 import Timit11, utterance_bounds

Frames = npt.NDArray[Any]
READER = Timit11()


def windows(frames: Frames) -> Frames:
    """(T, 39) -> (T, 429), frame by frame, edges repeated."""
    last = len(frames) - 1
    return np.stack(
        [
            np.concatenate([frames[min(max(t + offset, 0), last)] for offset in range(-5, 6)])
            for t in range(len(frames))
        ]
    )


def utterances(lengths: list[int], seed: int = 0) -> list[Frames]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((length, 39)).astype(np.float32) for length in lengths]


def write_set(path: Path, train: list[Frames], test: list[Frames], labels: Frames) -> None:
    np.save(path / "train_11.npy", np.concatenate([windows(frames) for frames in train]))
    np.save(path / "test_11.npy", np.concatenate([windows(frames) for frames in test]))
    np.save(path / "train_label_11.npy", labels)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.sampled_from([3, 10, 8192]))
@example([1, 1, 1], 8192)
@example([10, 1, 10], 10)
def test_bounds(lengths: list[int], chunk: int) -> None:
    rows = np.concatenate([windows(frames) for frames in utterances(lengths)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timit11, "_CHUNK", chunk)
        assert utterance_bounds(rows).tolist() == [0, *np.cumsum(lengths)]


def test_held_frames_and_nan_are_no_boundaries() -> None:
    frames = utterances([60])[0]
    frames[20:40] = frames[20]
    frames[50, 3] = np.nan
    assert utterance_bounds(windows(frames)).tolist() == [0, 60]
    assert utterance_bounds(windows(frames)[:0]).tolist() == [0]


@pytest.mark.parametrize("dtype", [str, np.int64, np.uint8, "S2"])
def test_scan(tmp_path: Path, dtype: Any) -> None:
    train, test = utterances([12, 1, 30]), utterances([3, 8], seed=1)
    labels = np.arange(43) % 39
    write_set(tmp_path, train, test, labels.astype(dtype))
    assert isinstance(choose_reader(tmp_path), Timit11)
    listing = READER.scan(tmp_path)
    assert listing.problems == []
    assert len(listing.classes) == 39
    ids = ["train-00000", "train-00001", "train-00002", "test-00000", "test-00001"]
    assert [utterance.id for utterance in listing.items] == ids
    assert listing.items[1].source == "train_11.npy rows 12..12"
    for utterance, frames in zip(listing.items, train + test, strict=True):
        np.testing.assert_array_equal(utterance.load(), frames)
    found = [u.labels for u in listing.items if isinstance(u.labels, np.ndarray)]
    np.testing.assert_array_equal(np.concatenate(found), labels)
    assert len(READER.files(tmp_path)) == 3


def test_wrong_labels_name_row_and_utterance(tmp_path: Path) -> None:
    labels = np.array(["0"] * 6 + ["39", "x", "1.0", "-1"])
    write_set(tmp_path, utterances([5, 5]), utterances([2]), labels)
    (problem,) = READER.scan(tmp_path).problems
    assert problem.id == "train-00001"
    assert problem.why == "label '39' of row 6 is no integer in 0..38"


def test_shuffled_rows_are_refused(tmp_path: Path) -> None:
    write_set(tmp_path, utterances([40, 50]), utterances([2]), np.zeros(90, np.int64))
    rows = np.load(tmp_path / "train_11.npy")
    np.save(tmp_path / "train_11.npy", np.random.default_rng(0).permutation(rows))
    with pytest.raises(UserError, match="not in the order of time"):
        READER.scan(tmp_path)


@pytest.mark.parametrize(
    ("file", "array", "why"),
    [
        ("train_11.npy", np.zeros((5, 39), np.float32), r"expected float32 \(N, 429\), found"),
        ("train_11.npy", np.zeros((5, 429)), r"expected float32 \(N, 429\), found float64"),
        ("train_label_11.npy", np.zeros(4, np.int64), "4 labels in train_label_11.npy for 5 rows"),
        ("train_label_11.npy", np.zeros(5), r"expected \(N,\) strings or integers"),
    ],
)
def test_wrong_arrays(tmp_path: Path, file: str, array: Frames, why: str) -> None:
    write_set(tmp_path, utterances([5]), utterances([2]), np.zeros(5, np.int64))
    np.save(tmp_path / file, array)
    with pytest.raises(UserError, match=why):
        READER.scan(tmp_path)


def test_damaged_and_missing_files(tmp_path: Path, payload: Any) -> None:
    write_set(tmp_path, utterances([5]), utterances([2]), np.zeros(5, np.int64))
    labels = tmp_path / "train_label_11.npy"
    np.save(labels, np.array([payload], object), allow_pickle=True)
    with pytest.raises(UserError, match="holds pickled objects; they were not run"):
        READER.scan(tmp_path)
    assert not payload.target.exists()
    rows = tmp_path / "train_11.npy"
    np.save(labels, np.zeros(5, np.int64))
    rows.write_bytes(rows.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"train_11\.npy: truncated: \d+ bytes of numbers, but"):
        READER.scan(tmp_path)
    labels.unlink()
    with pytest.raises(UserError, match=r"lacks train_label_11\.npy"):
        READER.scan(tmp_path)


@given(
    st.lists(st.integers(1, 14), min_size=1, max_size=4),
    st.data(),
    st.integers(0, 31),
)
def test_no_flipped_bit_splits_an_utterance(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], data: st.DataObject, bit: int
) -> None:
    """Any bit of any frame of any row: the utterances stay, and the row is named."""
    path = tmp_path_factory.mktemp("timit")
    write_set(path, utterances(lengths), utterances([2]), np.zeros(sum(lengths), np.int64))
    rows = np.load(path / "train_11.npy")
    assume(len(rows) > 1)  # a single one is compared with nothing
    row = data.draw(st.integers(0, len(rows) - 1))
    rows.view(np.uint32)[row, data.draw(st.integers(0, 428))] ^= np.uint32(1 << bit)
    np.save(path / "train_11.npy", rows)
    try:
        listing = READER.scan(path)
    except UserError:
        return  # of so few rows that half of them seem to be utterances
    found = [item for item in listing.items if item.part == "train"]
    bounds = [0, *np.cumsum(lengths)]
    assert [item.source for item in found] == [
        f"train_11.npy rows {start}..{stop - 1}" for start, stop in pairwise(bounds)
    ]
    near = {f"train_11.npy row {r}" for r in (row - 1, row, row + 1)}
    near |= {f"train_11.npy rows {r - 1}..{r}" for r in (row, row + 1)}
    assert {problem.source for problem in listing.problems} <= near
    damaged = {
        item.id
        for item, original in zip(found, utterances(lengths), strict=True)
        if item.load().tobytes() != original.tobytes()
    }
    assert damaged <= {problem.id for problem in listing.problems}


def test_damaged_rows_are_named(tmp_path: Path) -> None:
    train = utterances([40, 50, 30])
    write_set(tmp_path, train, utterances([2]), np.zeros(119, np.int64))
    rows = np.load(tmp_path / "train_11.npy")
    rows[57, 200] += 1
    rows = np.delete(rows, 100, axis=0)
    np.save(tmp_path / "train_11.npy", rows)
    listing = READER.scan(tmp_path)
    assert {str(problem): problem.id for problem in listing.problems} == {
        "train_11.npy row 57: disagrees with the rows before and behind it: damaged": "train-00001",
        "train_11.npy rows 99..100: an utterance breaks off in the middle: damaged, or rows are "
        "lost": "train-00002",
    }
    assert [item.id for item in listing.items] == [f"train-0000{k}" for k in range(3)] + [
        "test-00000"
    ]


@pytest.mark.parametrize("change", ["each row", "each column", "rounded", "half"])
def test_scaled_rows_are_not_called_shuffled(tmp_path: Path, change: str) -> None:
    write_set(tmp_path, utterances([40, 50]), utterances([2]), np.zeros(90, np.int64))
    rows = np.load(tmp_path / "train_11.npy")
    match change:
        case "each row":
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        case "each column":
            rows *= np.random.default_rng(0).uniform(0.99, 1.01, 429).astype(np.float32)
        case "rounded":
            rows += np.random.default_rng(0).uniform(-1e-3, 1e-3, rows.shape).astype(np.float32)
        case "half":
            rows = rows * np.linspace(0.5, 2, 90, dtype=np.float32)[:, None] - 3
    np.save(tmp_path / "train_11.npy", rows)
    with pytest.raises(UserError, match=r"overlap, but not bit for bit.* scaled or rounded"):
        READER.scan(tmp_path)


@pytest.mark.parametrize("file", ["train_11.npy", "test_11.npy", "train_label_11.npy"])
def test_what_is_no_file_does_not_count_as_absent(tmp_path: Path, file: str) -> None:
    write_set(tmp_path, utterances([5]), utterances([2]), np.zeros(5, np.int64))
    (tmp_path / file).unlink()
    (tmp_path / file).symlink_to("nowhere")
    for act in (READER.files, READER.scan):
        with pytest.raises(UserError, match=f"{file}: cannot be read: No such file"):
            act(tmp_path)


def test_bombs_and_placeholders(tmp_path: Path) -> None:
    write_set(tmp_path, utterances([5]), utterances([2]), np.zeros(5, np.int64))
    rows = tmp_path / "train_11.npy"
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 429)}"
    rows.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(UserError, match=r"train_11\.npy: truncated: 0 bytes of numbers"):
        READER.scan(tmp_path)
    rows.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(UserError, match=r"train_11\.npy: cannot be read: a Git LFS pointer"):
        READER.scan(tmp_path)


def test_a_stretch_of_zeros_is_damage(tmp_path: Path) -> None:
    train = utterances([30, 20])
    train[0][:] = 0
    write_set(tmp_path, train, utterances([4]), np.zeros(50, np.int64))
    listing = READER.scan(tmp_path)
    with pytest.raises(DamagedFile, match="all frames are equal: silence only"):
        listing.items[0].load()
    assert len(listing.items[1].load()) == 20
