"""Damage of every kind is named; nothing that is read is run."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bossline.corpora.ptfile import DamagedFile, check_archive, read_tensor

TENSOR = torch.arange(78, dtype=torch.float32).reshape(2, 39) / 7


def saved(value: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def test_reads_what_torch_saved(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(saved(TENSOR))
    check_archive(path)
    np.testing.assert_array_equal(read_tensor(path), TENSOR.numpy())


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (TENSOR.bfloat16(), np.float32),
        (TENSOR.half(), np.float16),
        (TENSOR.long(), np.int64),
        (torch.nn.Parameter(TENSOR), np.float32),
        (torch.zeros(0, 39), np.float32),
    ],
)
def test_kinds_of_tensor(tmp_path: Path, value: torch.Tensor, dtype: type) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(saved(value))
    array = read_tensor(path)
    assert array.dtype == dtype
    assert array.shape == value.shape


def test_no_flipped_bit_changes_a_value(tmp_path: Path) -> None:
    """Every byte of the file in turn: refused, or (names, padding) read with the very values."""
    content = saved(TENSOR)
    path = tmp_path / "x.pt"
    refused = 0
    for place in range(0, len(content), 3):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x40]) + content[place + 1 :])
        try:
            array = read_tensor(path)
        except DamagedFile:
            refused += 1
        else:
            np.testing.assert_array_equal(array, TENSOR.numpy())
    assert refused > TENSOR.nbytes / 3


def test_flipped_bit_in_the_data_names_the_member(tmp_path: Path) -> None:
    content = bytearray(saved(TENSOR))
    content[content.index(TENSOR.numpy().tobytes()) + 3] ^= 0x40
    path = tmp_path / "x.pt"
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match=r"^CRC-32 mismatch in data/0$"):
        check_archive(path)
    with pytest.raises(DamagedFile, match=r"^CRC-32 mismatch in data/0$"):
        read_tensor(path)


@pytest.mark.parametrize("keep", [0, 10, 500, -1])
def test_truncated(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(saved(TENSOR)[:keep])
    with pytest.raises(DamagedFile, match="truncated or no torch archive"):
        read_tensor(path)


@pytest.mark.parametrize("archive", [True, False])
def test_a_pickle_is_not_run(tmp_path: Path, payload: Any, archive: bool) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(saved(payload) if archive else pickle.dumps(payload))
    with pytest.raises(DamagedFile, match="it was not run" if archive else "no torch archive"):
        read_tensor(path)
    assert not payload.target.exists()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"x": TENSOR}, "holds a dict, expected one tensor"),
        ([TENSOR], "holds a list, expected one tensor"),
        (TENSOR.to_sparse(), "sparse"),
    ],
)
def test_other_objects(tmp_path: Path, value: Any, why: str) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(saved(value))
    with pytest.raises(DamagedFile, match=why):
        read_tensor(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DamagedFile, match="cannot be read: No such file"):
        read_tensor(tmp_path / "x.pt")
    with pytest.raises(DamagedFile, match="cannot be read: No such file"):
        check_archive(tmp_path / "x.pt")
