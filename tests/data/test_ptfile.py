"""Damage of every kind is named; nothing that is read is run."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bossline.core.archives import DamagedFile, check_archive, read_tensor

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


@pytest.mark.parametrize("rows", [1000, 20_000_000, 10**12])
def test_a_few_numbers_expanded_are_refused(tmp_path: Path, rows: int) -> None:
    """A kilobyte of file, and gigabytes of frames as soon as they are copied."""
    path = tmp_path / "x.pt"
    path.write_bytes(saved(torch.ones(1, 39).expand(rows, 39)))
    assert path.stat().st_size < 3000
    with pytest.raises(DamagedFile, match=rf"^an expanded view, shape \({rows}, 39\), of fewer"):
        read_tensor(path)


def test_views_of_what_is_there_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    for view in (TENSOR.T, TENSOR[1:], TENSOR[:, ::2], TENSOR.unfold(1, 3, 3)):
        path.write_bytes(saved(view))
        np.testing.assert_array_equal(read_tensor(path), view.numpy())


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (torch.empty(10**12, 39, device="meta"), "holds a tensor of device meta, which has no"),
        (TENSOR.to(torch.float8_e4m3fn), "holds float8_e4m3fn that numpy lacks"),
        (torch.complex(TENSOR, TENSOR).conj(), "holds complex64 that numpy lacks"),
    ],
)
def test_tensors_that_numpy_cannot_hold(tmp_path: Path, value: torch.Tensor, why: str) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(saved(value))
    with pytest.raises(DamagedFile, match=f"^{why}"):
        read_tensor(path)


def test_a_member_that_is_marked_as_a_folder(tmp_path: Path) -> None:
    """torch.load leaves such a tensor as the memory was that it was given."""
    path = tmp_path / "x.pt"
    content = bytearray(saved(TENSOR))
    entry = content.rindex(b"/data/0")
    entry = content.rindex(b"PK\x01\x02", 0, entry)
    content[entry + 38 : entry + 42] = b"ZZZZ"  # the attributes that its maker's system has
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match="a member is marked as a folder"):
        read_tensor(path)


def test_a_compressed_archive_is_not_unfolded(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    with (
        zipfile.ZipFile(io.BytesIO(saved(torch.zeros(10**6)))) as stored,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as compressed,
    ):
        for member in stored.namelist():
            compressed.writestr(member, stored.read(member))
    assert path.stat().st_size < 10**5
    for read in (read_tensor, check_archive):
        with pytest.raises(DamagedFile, match=r"^a compressed archive, expected one as torch"):
            read(path)


@pytest.mark.parametrize("head", [b"version https://git-lfs.github.com/spec/v1\n", b"<html>"])
def test_placeholders(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(head)
    with pytest.raises(DamagedFile, match=r"^cannot be read: a .* in place of the file: "):
        read_tensor(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs there")
def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.pt")
    for read in (read_tensor, check_archive):
        with pytest.raises(DamagedFile, match="a FIFO, expected a regular file"):
            read(tmp_path / "fifo.pt")
    (tmp_path / "zero.pt").symlink_to("/dev/zero")
    with pytest.raises(DamagedFile, match="a device, expected a regular file"):
        read_tensor(tmp_path / "zero.pt")
    with pytest.raises(DamagedFile, match="a folder, expected a regular file"):
        read_tensor(tmp_path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DamagedFile, match="cannot be read: No such file"):
        read_tensor(tmp_path / "x.pt")
    with pytest.raises(DamagedFile, match="cannot be read: No such file"):
        check_archive(tmp_path / "x.pt")
