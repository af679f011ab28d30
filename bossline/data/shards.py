"""Shards of a packed corpus: mapped, and checked for all that the header promises of them.

Nothing of a shard is believed. What is as long as the frames is not read here, so that opening
takes milliseconds: see Corpus._labels.
"""

from __future__ import annotations

import json
import mmap
import struct
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError
from bossline.core.reading import open_file, reason
from bossline.data.header import AGAIN, Header, Shard
from bossline.data.ids import id_fault

_DTYPES: dict[str, np.dtype[Any]] = {
    "F16": np.dtype(np.float16),
    "F32": np.dtype(np.float32),
    "F64": np.dtype(np.float64),
    "I16": np.dtype(np.int16),
    "I32": np.dtype(np.int32),
    "I64": np.dtype(np.int64),
    "U8": np.dtype(np.uint8),
}
_LONGEST_HEADER = 100_000_000  # bytes; the limit of safetensors itself

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class MappedShard:
    """Tensors of one file, views of its pages, and the ids of its items."""

    path: Path
    tensors: dict[str, Array]
    ids: tuple[str, ...]
    mapping: mmap.mmap

    def check_size(self) -> None:
        """
        Raises:
            UserError: the file has become shorter than it was; touching a page beyond its new end
                would end the process by a bus error.
        """
        if (left := self.mapping.size()) < len(self.mapping):
            raise UserError(
                f"{self.path}: cut to {left:,} of {len(self.mapping):,} bytes while it was in use; "
                f"{AGAIN}"
            )


def open_shard(folder: Path, shard: Shard, header: Header) -> MappedShard:
    """Map a shard and hold it against the header.

    Raises:
        UserError: missing, unreadable, or not what the header says; labels are not looked at.
    """
    path = folder / shard.file
    try:
        with open_file(path) as stream:
            mapping = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; {AGAIN}") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {reason(error)}; {AGAIN}") from error
    except ValueError as error:  # an empty file cannot be mapped
        raise UserError(f"{path}: not a readable shard: it is empty; {AGAIN}") from error
    try:
        tensors = _tensors(mapping)
        _check_tensors(tensors, shard, header)
        ids = _ids(tensors["ids"], shard.items)
    except _Fault as fault:
        raise UserError(f"{path}: not a readable shard: {fault}; {AGAIN}") from fault
    return MappedShard(path, tensors, ids, mapping)


class _Fault(Exception):
    """What is wrong with a shard, in words."""


def _tensors(mapping: mmap.mmap) -> dict[str, Array]:
    """Views of a safetensors file: 8 bytes length of a JSON header, this header, the tensors."""
    content = np.frombuffer(mapping, np.uint8)
    length = struct.unpack("<Q", mapping[:8])[0] if len(mapping) >= 8 else len(mapping)
    if not 2 <= length <= min(len(mapping) - 8, _LONGEST_HEADER):
        raise _Fault("its header does not fit into the file")
    try:
        listed = json.loads(mapping[8 : 8 + length])
    except (ValueError, RecursionError) as error:
        raise _Fault("its header is no JSON") from error
    if not isinstance(listed, dict):
        raise _Fault("its header is no JSON object")
    listed.pop("__metadata__", None)
    payload = content[8 + length :]
    tensors, ends = {}, []
    for name, entry in listed.items():
        match entry:
            case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [start, stop]} if (
                dtype in _DTYPES and all(type(k) is int and k >= 0 for k in (*shape, start, stop))
            ):
                pass
            case _:
                raise _Fault(f"tensor {name!a} is listed in another form than safetensors has")
        if not start <= stop <= len(payload):
            raise _Fault(f"tensor {name!a} lies outside the file")
        if stop - start != prod(shape) * _DTYPES[dtype].itemsize:
            raise _Fault(f"tensor {name!a} has {stop - start} bytes for {dtype} {tuple(shape)}")
        tensors[name] = payload[start:stop].view(_DTYPES[dtype]).reshape(shape)
        ends.append((start, stop))
    ends.sort()
    if any(later[0] < earlier[1] for earlier, later in pairwise(ends)):
        raise _Fault("its tensors overlap")
    return tensors


def _check_tensors(tensors: dict[str, Array], shard: Shard, header: Header) -> None:
    """
    Raises:
        _Fault: a tensor is missing, of another type or shape, or holds what cannot be.
    """
    kind, items = header.features.kind, (shard.items,)
    wanted: dict[str, tuple[tuple[type[np.generic], ...], tuple[int, ...] | None]] = {
        "frames": ((np.float16, np.float32), (shard.frames, header.features.dim)),
        "offsets": ((np.int64,), (shard.items + 1,)),
        "parts": ((np.uint8,), items),
        "speakers": ((np.int32,), items),
        "ids": ((np.uint8,), None),
    }
    if kind == "image":
        wanted["frames"] = ((np.uint8,), (shard.frames, header.features.dim))
        wanted |= {"categories": ((np.int16,), items), "shapes": ((np.int32,), (*items, 2))}
    elif kind == "table":
        wanted["targets"] = ((np.float64,), items)
    else:
        wanted["labels"] = ((np.int16,), (shard.frames,))
    if header.vocabulary:
        wanted |= {"symbols": ((np.int16,), None), "string_offsets": ((np.int64,), (items[0] + 1,))}
    for name, (dtypes, shape) in wanted.items():
        if name not in tensors:
            raise _Fault(f"it lacks the tensor {name}")
        found = tensors[name]
        if found.dtype not in dtypes or found.shape != (shape or (found.size,)):
            types = " or ".join(dtype.__name__ for dtype in dtypes)
            raise _Fault(
                f"{name}: expected {types} {shape or '(any,)'}, found {found.dtype} {found.shape}"
            )
    offsets = tensors["offsets"]
    _check_range("offsets", offsets, 0, shard.frames + 1)
    lengths = np.diff(offsets)
    if offsets[0] != 0 or offsets[-1] != shard.frames or (lengths < 1).any():
        raise _Fault(f"offsets: expected to grow from 0 to {shard.frames}")
    _check_range("parts", tensors["parts"], 0, len(header.parts))
    _check_range("speakers", tensors["speakers"], -1, len(header.speakers))
    if header.vocabulary:
        ends, count = tensors["string_offsets"], len(tensors["symbols"])
        _check_range("string_offsets", ends, 0, count + 1)
        if ends[0] != 0 or ends[-1] != count or (np.diff(ends) < 0).any():
            raise _Fault(f"string_offsets: expected to grow from 0 to {count}")
    if kind == "image":
        _check_range("categories", tensors["categories"], -1, len(header.classes))
        shapes = tensors["shapes"].astype(np.int64)
        if (shapes < 1).any() or (shapes.prod(1) != lengths).any():
            raise _Fault("shapes: expected height times width to be the pixels of each image")
    elif kind == "table" and np.isinf(tensors["targets"]).any():
        raise _Fault("targets: expected numbers, or NaN where there is none, found infinity")


def _check_range(name: str, values: Array, lowest: int, end: int) -> None:
    if values.min() < lowest or values.max() >= end:
        raise _Fault(f"{name}: expected {lowest}..{end - 1}, found {values.min()}..{values.max()}")


def _ids(content: npt.NDArray[np.uint8], count: int) -> tuple[str, ...]:
    try:
        *ids, rest = content.tobytes().decode().split("\n")
    except UnicodeDecodeError as error:
        raise _Fault("ids: not UTF-8 text") from error
    if rest or len(ids) != count:
        raise _Fault(f"ids: expected {count} lines, found {len(ids) + bool(rest)}")
    for id in ids:
        if fault := id_fault(id):
            raise _Fault(f"ids: {id!a}: {fault}")
    return tuple(ids)
