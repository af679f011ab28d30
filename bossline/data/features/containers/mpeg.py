"""MPEG audio, MP3 first of all: all frames are there that the first one or the file promises.

Without a Xing, Info or VBRI header nothing tells of frames that are missing as a whole.

Source: ISO/IEC 11172-3 and 13818-3; "Xing variable bitrate header"; "ID3 tag version 2.4.0".
"""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

from bossline.core.errors import UserError
from bossline.data.features.containers.cut import cut_short, size_of
from bossline.data.features.containers.spliced import Spliced

_KBIT = {  # by version 1 or not, and layer
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SLOWED = {3: 1, 2: 2, 0: 4}  # by the bits of the version: its rates are those of version 1 through
_RATES = (44_100, 48_000, 32_000)
_SAME = 0xFFFE0C00  # bits of a header that all frames share: sync, version, layer, rate
_TAGS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3", b"3DI")
_JUNK = 1 << 16  # bytes before the first frame, at most
_CHAIN = 3  # frames in a row that are no accident
# libsndfile knows MPEG audio without a tag by the suffix of a file's name only.
_ID3 = b"ID3\x04\0\0\0\0\0\x40" + bytes(64)


class _Frame(NamedTuple):
    bits: int
    length: int  # bytes; 0: free format, which says it nowhere
    samples: int
    rate: int


def after_id3(stream: BinaryIO) -> int:
    """Where the tags in front of the sound end."""
    place = 0
    while True:
        stream.seek(place)
        head = stream.read(10)
        if len(head) < 10 or not head.startswith(b"ID3"):
            return place
        length = 0
        for byte in head[6:]:
            length = length << 7 | byte & 0x7F
        place += 10 + length + (10 if head[5] & 0x10 else 0)


def find(stream: BinaryIO, start: int, size: int) -> int | None:
    """Where the first frame begins: at `start`, else where several follow each other."""
    if (first := _frame(stream, start)) and (
        start + first.length >= size or _frame(stream, start + first.length)
    ):
        return start
    stream.seek(start)
    text = stream.read(_JUNK)
    at = text.find(b"\xff")
    while at >= 0:
        if _chained(stream, start + at):
            return start + at
        at = text.find(b"\xff", at + 1)
    return None


def checked(stream: BinaryIO, start: int) -> Spliced:
    """The frames from `start`, without the tags around them.

    libmpg123 tells the terminal of a Xing header that counts other bytes than these.

    Raises:
        UserError: cut short or damaged.
    """
    size, place, count = size_of(stream), start, 0
    first = _frame(stream, start)
    assert first is not None
    stream.seek(start)
    promised, total = _promised(stream.read(first.length or 0), first)
    per_second = first.rate / first.samples
    while (frame := _frame(stream, place)) and not (frame.bits ^ first.bits) & _SAME:
        if not frame.length:
            return Spliced(_ID3, stream, start, size)
        if place + frame.length > size:
            there = max(count - (promised is not None), 0)
            if promised is not None and promised > there:
                raise cut_short(there, promised, per_second)
            raise UserError(f"cut short after {there / per_second:.1f} s: in the middle of a frame")
        place += frame.length
        count += 1
    if promised is not None:
        there = count - 1  # the first tells of the others
        # Some count the first frame with them.
        if there < promised - 1 or (there < promised and total > size - start):
            raise cut_short(there, promised, per_second)
    elif not _ended(stream, place):
        raise UserError(f"damaged: no MPEG frame at byte {place}, where one is due")
    return Spliced(_ID3, stream, start, place)


def _frame(stream: BinaryIO, place: int) -> _Frame | None:
    """The frame whose header stands at a place, if one does."""
    stream.seek(place)
    head = stream.read(4)
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:
        return None
    (bits,) = struct.unpack(">I", head)
    version, layer = bits >> 19 & 3, 4 - (bits >> 17 & 3)
    kbit, rate, padding = bits >> 12 & 15, bits >> 10 & 3, bits >> 9 & 1
    if version == 1 or layer == 4 or kbit == 15 or rate == 3:
        return None
    hertz = _RATES[rate] // _SLOWED[version]
    samples = 384 if layer == 1 else 576 if layer == 3 and version != 3 else 1152
    length = 0
    if kbit:
        speed = _KBIT[version == 3, layer][kbit - 1] * 1000
        slot = 4 if layer == 1 else 1  # bytes that frames are made of
        length = (samples // 8 // slot * speed // hertz + padding) * slot
    return _Frame(bits, length, samples, hertz)


def _chained(stream: BinaryIO, place: int) -> bool:
    first = _frame(stream, place)
    for _ in range(_CHAIN):
        frame = _frame(stream, place)
        if not first or not frame or not frame.length or (frame.bits ^ first.bits) & _SAME:
            return False
        place += frame.length
    return True


def _promised(content: bytes, first: _Frame) -> tuple[int | None, int]:
    """Frames and bytes that a Xing, Info or VBRI header counts, the frames without its own."""
    mono = first.bits >> 6 & 3 == 3
    side = (17 if mono else 32) if first.samples == 1152 else (9 if mono else 17)
    if content[4 + side : 8 + side] in (b"Xing", b"Info") and len(content) >= 20 + side:
        flags, *counts = struct.unpack_from(">III", content, 8 + side)
        frames = counts.pop(0) if flags & 1 else None
        return frames, counts[0] if flags & 2 else 0
    if content[36:40] == b"VBRI" and len(content) >= 54:
        total, frames = struct.unpack_from(">II", content, 46)
        return frames, total
    return None, 0


def _ended(stream: BinaryIO, place: int) -> bool:
    """Nothing follows but tags or zeros."""
    stream.seek(place)
    rest = stream.read(_JUNK)
    return rest.startswith(_TAGS) or not rest.strip(b"\0")
