"""Ogg: every page is there, and as it was written.

Source: RFC 3533, "The Ogg Encapsulation Format Version 0" (2003).
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

from bossline.core.errors import UserError
from bossline.data.features.containers.cut import size_of

_HEAD = struct.Struct("<4sBBqIIIB")
_BEGINS, _ENDS = 2, 4
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_ONES = 0xFFFFFFFF
_OPUS_RATE = 48_000


def check_ogg(stream: BinaryIO) -> None:
    """
    Raises:
        UserError: cut short, a page that is missing, or one whose CRC-32 differs.
    """
    size, place = size_of(stream), 0
    stream.seek(0)
    following: dict[int, int] = {}  # number of the next page of each stream that has not ended
    rate, seconds = 0, 0.0
    while place < size:
        head = stream.read(_HEAD.size)
        if not head.startswith(b"OggS"):
            if not following or b"OggS".startswith(head):
                break
            raise UserError(f"damaged: no Ogg page at byte {place}, where one is due")
        if len(head) < _HEAD.size:
            break
        _, _, flags, granule, serial, number, checksum, segments = _HEAD.unpack(head)
        lacing = stream.read(segments)
        body = stream.read(sum(lacing))
        end = place + len(head) + segments + sum(lacing)
        if end > size:
            following.setdefault(serial, number)
            break
        if ogg_crc(head[:22] + bytes(4) + head[26:] + lacing + body) != checksum:
            raise UserError(f"damaged: the Ogg page at byte {place} differs from its CRC-32")
        if flags & _BEGINS:
            following[serial] = number
            rate = _rate(body) or rate
        if following.get(serial) != number:
            raise UserError(f"damaged: an Ogg page is missing at byte {place}")
        following[serial] += 1
        if flags & _ENDS:
            del following[serial]
        if rate and granule > 0:
            seconds = granule / rate
        place = end
    if following:
        raise UserError(
            f"cut short after {seconds:.1f} s: its last Ogg page is none that ends a recording"
        )


def ogg_crc(page: bytes) -> int:
    """CRC-32 of a page as Ogg has it: the polynomial of zlib's, the highest bit first, from 0.

    Args:
        page: with zeros in the place of its checksum.
    """
    mirrored = zlib.crc32(page.translate(_MIRRORED), _ONES) ^ _ONES
    return int(f"{mirrored:032b}"[::-1], 2)


def _rate(body: bytes) -> int:
    """Granules a second, of the first page of a Vorbis or Opus stream; 0 of others."""
    if body.startswith(b"OpusHead"):
        return _OPUS_RATE
    if body.startswith(b"\x01vorbis") and len(body) >= 16:
        return int(struct.unpack_from("<I", body, 12)[0])
    return 0
