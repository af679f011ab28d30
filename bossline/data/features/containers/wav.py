"""WAV, its 64-bit form RF64 and its big-endian form RIFX.

Source: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0" (1991);
EBU Tech 3306, "RF64: An extended file format for audio" (2009).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from bossline.core.errors import UserError
from bossline.data.features.containers.cut import cut_short, size_of, without_sound
from bossline.data.features.containers.spliced import Spliced

_BODY = 12  # of the RIFF chunk: here the chunks begin
_SEARCHED = 1 << 20  # bytes in which a chunk is looked for whose place is not where it should be
_LONGEST_FORMAT = 4096
_LARGEST = 0xFFFFFFFF
_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")
# What recorders declare who cannot come back to the header: nearly 2 or 4 GiB.
_UNFINISHED = (range(0x7FFFF000, 0x80000001), range(0xFFFFF000, _LARGEST + 1))


class _Chunk(NamedTuple):
    id: bytes
    body: int
    length: int


def checked(stream: BinaryIO) -> Spliced | None:
    """The sound behind a header of ours where its own was never finished, or its chunks are odd.

    Raises:
        UserError: cut short, or no WAV file.
    """
    size = size_of(stream)
    stream.seek(0)
    magic, declared, kind = stream.read(4), stream.read(4), stream.read(4)
    if kind != b"WAVE":
        raise UserError("not readable as audio: a RIFF file without a WAVE in it")
    order = ">" if magic == b"RIFX" else "<"
    (riff,) = struct.unpack(f"{order}I", declared)
    found: dict[bytes, _Chunk] = {}
    searched: list[bytes] = []
    for chunk in _chunks(stream, size, order, searched):
        found[chunk.id] = chunk
        if chunk.id == b"data":
            break
    if b"data" not in found:
        raise without_sound()
    if b"fmt " not in found:
        raise UserError("damaged: no chunk says of what kind its sound is")
    format = _read(stream, found[b"fmt "], _LONGEST_FORMAT).ljust(16, b"\0")
    _, body, length = found[b"data"]
    there = size - body
    if b"ds64" in found and length == _LARGEST:
        (length,) = struct.unpack_from("<Q", _read(stream, found[b"ds64"], 16).ljust(16, b"\0"), 8)
        unfinished = length == 0 < there
    elif length == 0 < there:
        # Else a recording of no sample that other chunks follow.
        unfinished = riff + 8 <= body or _endless(riff)
    else:
        unfinished = _endless(length) and length > there
    if length > there and not unfinished:
        raise cut_short(there, length, struct.unpack_from(f"{order}I", format, 8)[0])
    if not unfinished and body + length <= riff + 8 < size and not _endless(riff):
        _check_tail(stream, riff + 8, size, order)
    if not unfinished and not searched:
        return None
    rest = there if unfinished else length
    head = b"WAVEfmt " + struct.pack(f"{order}I", len(format)) + format + b"\0" * (len(format) % 2)
    head += b"data" + struct.pack(f"{order}I", min(rest, _LARGEST))
    whole = min(len(head) + rest, _LARGEST)
    head = (magic if magic == b"RIFX" else b"RIFF") + struct.pack(f"{order}I", whole) + head
    note = "its header was never finished: read to the end of the file" if unfinished else ""
    return Spliced(head, stream, body, body + rest, note)


def _check_tail(stream: BinaryIO, place: int, size: int, order: str) -> None:
    """What stands behind the declared end: padding and tags do no harm, bytes too many were
    inserted somewhere, and all samples behind them are wrong.

    Raises:
        UserError: neither padding nor a tag.
    """
    stream.seek(place + place % 2 if place % 2 and place + 1 < size else place)
    rest = stream.read(_SEARCHED)
    if not rest.strip(b"\0") or rest.startswith(_TAGS):
        return
    id, length = rest[:4], rest[4:8].ljust(4, b"\xff")
    named = len(id) == 4 and all(0x20 <= byte < 0x7F for byte in id)
    if not named or struct.unpack(f"{order}I", length)[0] > size - place - 8:
        raise UserError(
            f"damaged: {size - place} bytes behind the end that its header declares: were some "
            "inserted, or appended?"
        )


def _endless(length: int) -> bool:
    return any(length in lengths for lengths in _UNFINISHED)


def _chunks(stream: BinaryIO, size: int, order: str, searched: list[bytes]) -> Iterator[_Chunk]:
    """Chunks in their order; what is not where it should be is added to `searched`."""
    place, begin, wanted = _BODY, _BODY, b"fmt "
    while True:
        stream.seek(place)
        head = stream.read(8)
        if len(head) < 8 or not all(0x20 <= byte < 0x7F for byte in head[:4]):
            if wanted in searched:
                return
            searched.append(wanted)
            found = _search(stream, size, order, begin, wanted)
            if found is None:
                return
            place = found
            continue
        id, length = struct.unpack(f"{order}4sI", head)
        yield _Chunk(id, place + 8, length)
        place += 8 + length + length % 2
        if id == b"fmt ":
            begin, wanted = place, b"data"


def _search(stream: BinaryIO, size: int, order: str, begin: int, id: bytes) -> int | None:
    """Where a chunk begins of this name and of a length that can be."""
    stream.seek(begin)
    text = stream.read(_SEARCHED)
    at = text.find(id)
    while 0 <= at <= len(text) - 8:
        (length,) = struct.unpack_from(f"{order}I", text, at + 4)
        if length <= size - begin - at - 8 or _endless(length):
            return begin + at
        at = text.find(id, at + 1)
    return None


def _read(stream: BinaryIO, chunk: _Chunk, most: int) -> bytes:
    stream.seek(chunk.body)
    return stream.read(min(chunk.length, most))
