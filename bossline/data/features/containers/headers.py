"""Containers of a single header: AU and NIST SPHERE.

Source: Sun, audio(7); NIST, "SPeech HEader REsources 2.6".
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from bossline.core.errors import UserError
from bossline.data.features.containers.cut import Undecodable, cut_short, size_of, without_sound

_TO_THE_END = 0xFFFFFFFF
_SAMPLE_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}
_NUMBERS = ("sample_count", "sample_rate", "channel_count", "sample_n_bytes")
_LONGEST_HEADER = 1 << 20


def check_au(stream: BinaryIO) -> None:
    """
    Raises:
        UserError: cut short.
    """
    size = size_of(stream)
    stream.seek(0)
    head = stream.read(24)
    if len(head) < 24:
        raise without_sound()
    order = ">" if head.startswith(b".snd") else "<"
    start, promised, encoding, rate, channels = struct.unpack(f"{order}4xIIIII", head)
    there = max(size - start, 0)
    if there < promised != _TO_THE_END:
        raise cut_short(there, promised, _SAMPLE_BYTES.get(encoding, 0) * rate * channels)


def check_sphere(stream: BinaryIO) -> None:
    """
    Raises:
        Undecodable: compressed by Shorten, as on many discs of the LDC.
        UserError: cut short, or a damaged header.
    """
    size = size_of(stream)
    stream.seek(0)
    stream.readline(32)
    line = stream.readline(32).strip()
    if not line.isdigit():
        raise UserError("damaged: its SPHERE header has no length")
    start = int(line)
    stream.seek(0)
    text = stream.read(min(start, _LONGEST_HEADER)).decode("latin-1")
    if "end_head" not in text:
        raise without_sound()
    fields = {words[0]: words[-1] for line in text.split("\n") if len(words := line.split()) == 3}
    if "," in fields.get("sample_coding", ""):
        raise Undecodable("SPHERE audio that Shorten compressed is not read here")
    numbers = [fields.get(name, "") for name in _NUMBERS]
    if all(number.isdigit() for number in numbers):
        samples, rate, channels, width = map(int, numbers)
        there = max(size - start, 0)
        if there < samples * channels * width:
            raise cut_short(there, samples * channels * width, rate * channels * width)
