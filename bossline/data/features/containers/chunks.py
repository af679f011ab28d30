"""Containers of chunks that are at their declared place: AIFF, CAF and W64.

Source: Apple, "Audio Interchange File Format AIFF-C" (1991); Apple, "Core Audio Format
Specification 1.0"; Sonic Foundry, "Sony Wave64".
"""

from __future__ import annotations

import math
import struct
from typing import BinaryIO

from bossline.data.features.containers.cut import cut_short, size_of, without_sound
from bossline.data.features.containers.spliced import Spliced

W64 = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
_IMA_PACKET = 64  # samples that AIFF counts as one


def check_aiff(stream: BinaryIO) -> None:
    """
    Raises:
        UserError: cut short.
    """
    size, place = size_of(stream), 12
    sound, frames, rate = None, 0, 0.0
    while len(head := _at(stream, place, 8)) == 8:
        id, length = struct.unpack(">4sI", head)
        if id == b"COMM":
            common = _at(stream, place + 8, 22).ljust(22, b"\0")
            frames, exponent, mantissa = struct.unpack_from(">2xI2xHQ", common)
            if common.endswith(b"ima4"):
                frames *= _IMA_PACKET
            rate = math.ldexp(mantissa, min(exponent, 16383 + 63) - 16383 - 63)
        elif id == b"SSND":
            sound = size - place - 8, length
        place += 8 + length + length % 2
    if sound is None:
        raise without_sound()
    there, promised = sound
    if there < promised:
        raise cut_short(there, promised, promised * rate / frames if frames else 0)


def check_caf(stream: BinaryIO) -> Spliced | None:
    """With its length where the sound is declared to go to the end, which libsndfile refuses.

    Raises:
        UserError: cut short.
    """
    size, place, per_second = size_of(stream), 8, 0.0
    while len(head := _at(stream, place, 12)) == 12:
        id, length = struct.unpack(">4sq", head)
        if id == b"desc":
            description = _at(stream, place + 12, 24).ljust(24, b"\0")
            rate, in_packet, frames = struct.unpack(">d8xII", description)
            per_second = rate * in_packet / frames if frames else 0
        there = size - place - 12
        if id == b"data" and length < 0:
            head = _at(stream, 0, place + 4) + struct.pack(">q", there)
            return Spliced(head, stream, place + 12, size)
        if id == b"data":
            if there < length:
                raise cut_short(there, length, per_second)
            return None
        place += 12 + max(length, 0)
    raise without_sound()


def check_w64(stream: BinaryIO) -> None:
    """
    Raises:
        UserError: cut short.
    """
    size, place, per_second = size_of(stream), len(W64) + 8 + 16, 0
    while len(head := _at(stream, place, 24)) == 24:
        id, length = struct.unpack("<4s12xQ", head)  # the length of a chunk with its head
        if id == b"fmt ":
            (per_second,) = struct.unpack("<8xI", _at(stream, place + 24, 12).ljust(12, b"\0"))
        there = size - place
        if id == b"data":
            if there < length:
                raise cut_short(there - 24, length - 24, per_second)
            return
        place += max(length + -length % 8, 24)
    raise without_sound()


def _at(stream: BinaryIO, place: int, count: int) -> bytes:
    stream.seek(place)
    return stream.read(count)
