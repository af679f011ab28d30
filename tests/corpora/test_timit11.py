"""Utterances come back from concatenated windows exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bossline.corpora.readers import choose_reader, timit11
from bossline.corpora.readers.timit11 import Timit11, utterance_bounds
from bossline.errors import UserError

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
    found = [u.labels for u in listing.items if u.labels is not None]
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
    with pytest.raises(UserError, match=r"truncated or no \.npy array"):
        READER.scan(tmp_path)
    assert not payload.target.exists()
    rows = tmp_path / "train_11.npy"
    np.save(labels, np.zeros(5, np.int64))
    rows.write_bytes(rows.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"truncated or no \.npy array"):
        READER.scan(tmp_path)
    labels.unlink()
    with pytest.raises(UserError, match=r"lacks train_label_11\.npy"):
        READER.scan(tmp_path)
