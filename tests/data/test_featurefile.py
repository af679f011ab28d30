""".npy files: what numpy wrote, and nothing that its header does not declare to the byte."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from bossline.core.archives import DamagedFile
from bossline.data.featurefile import npy_header, read_npy

FRAMES = np.arange(78, dtype=np.float32).reshape(2, 39) / 7


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.npy"


def saved(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def with_header(text: str, rest: bytes = b"") -> bytes:
    header = text.encode("latin1")
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(header)) + header + rest


def described(descr: str, shape: str) -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n"


@given(
    npst.arrays(
        st.sampled_from(["<f4", ">f8", "<f2", "i8", "u1", "?", "<c8", "<U3", "S2"]),
        npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    ),
    st.booleans(),
)
def test_reads_what_numpy_saved(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, fortran: bool
) -> None:
    path = tmp_path_factory.mktemp("npy") / "a.npy"
    path.write_bytes(saved(np.asfortranarray(array) if fortran else array))
    found = read_npy(path)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@given(st.integers(0, len(saved(FRAMES))), st.integers(1, 300), st.booleans())
def test_inserted_and_lost_bytes_are_noticed(
    tmp_path_factory: pytest.TempPathFactory, place: int, count: int, lost: bool
) -> None:
    path = tmp_path_factory.mktemp("npy") / "a.npy"
    content = saved(FRAMES)
    tail = content[place + count :] if lost else bytes(count) + content[place:]
    path.write_bytes(content[:place] + tail)
    if path.read_bytes() != content:
        with pytest.raises(DamagedFile):
            read_npy(path)


DEEP = "(" * 4000
DAMAGE = {
    "empty": (b"", "truncated or no .npy array"),
    "another file": (b"hello, this is no array", "truncated or no .npy array"),
    "one byte less": (
        saved(FRAMES)[:-1],
        r"truncated: 311 bytes of numbers, but float32 \(2, 39\) takes 312",
    ),
    "one byte more": (saved(FRAMES) + b"\0", "longer than it says: 313 bytes of numbers, but"),
    "a bomb": (
        with_header(described("'<f4'", "(1000000000000, 39)"), bytes(156)),
        r"truncated: 156 bytes of numbers, but float32 \(1000000000000, 39\) takes",
    ),
    "an unclosed string": (with_header("{'descr': '<f4"), "truncated or no"),  # TokenError
    "brackets": (with_header(DEEP), "truncated or no"),  # MemoryError, or RecursionError
    "dots": (with_header("a" + ".a" * 4000), "truncated or no"),
    "a long header": (with_header(" " * 20_000 + described("'<f4'", "(1,)")), "truncated or no"),
    "a promised header": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", "truncated or no"),
    "a huge number": (with_header(described("'<f4'", "(" + "9" * 5000 + ",)")), "truncated or no"),
    "a large number": (with_header(described("'<f4'", "(" + "9" * 40 + ",)")), "truncated: 0"),
    "a huge type": (with_header(described("'<U99999999999'", "(1,)")), "truncated or no"),
    "a negative axis": (with_header(described("'<f4'", "(-1, -39)"), bytes(156)), "expected an"),
    "an axis of True": (with_header(described("'<f4'", "(True,)"), bytes(4)), "expected an array"),
    "a type of no bytes": (with_header(described("'<U0'", "(1000000000000,)")), "expected an"),
    "records": (saved(np.zeros(3, [("a", "<f4"), ("b", "<i2")])), "expected an array of numbers"),
    "arrays in arrays": (with_header(described("('<f4', (3,))", "(1,)"), bytes(12)), "expected an"),
    "many axes": (with_header(described("'<f4'", str((1,) * 70)), bytes(4)), "70 axes"),
    "version 3": (b"\x93NUMPY\x03\x00" + saved(FRAMES)[8:], "truncated or no"),
    "a placeholder": (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer"),
    "a web page": (b"<!DOCTYPE html><p>Sign in", "a web page in place of the file"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_named(file: Path, kind: str) -> None:
    content, why = DAMAGE[kind]
    file.write_bytes(content)
    for read in (read_npy, npy_header):
        if kind != "many axes" or read is read_npy:
            with pytest.raises(DamagedFile, match=why):
                read(file)


def test_archives_and_objects(file: Path, tmp_path: Path, payload: Any) -> None:
    np.savez(tmp_path / "a.npz", FRAMES)
    (tmp_path / "a.npz").rename(file)
    with pytest.raises(DamagedFile, match=r"an \.npz archive, expected an \.npy array"):
        read_npy(file)
    np.save(file, np.array([payload], object), allow_pickle=True)
    with pytest.raises(DamagedFile, match="holds pickled objects; they were not run"):
        read_npy(file)
    assert not payload.target.exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs there")
def test_what_is_no_regular_file_is_not_opened(file: Path) -> None:
    os.mkfifo(file)
    with pytest.raises(DamagedFile, match="a FIFO, expected a regular file"):
        read_npy(file)
    file.unlink()
    file.symlink_to("/dev/zero")
    with pytest.raises(DamagedFile, match="a device, expected a regular file"):
        read_npy(file)
