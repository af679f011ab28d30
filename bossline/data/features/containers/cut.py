"""What all containers ask: how long a file is, and how to say that it is too short."""

from __future__ import annotations

import io
from typing import BinaryIO

from bossline.core.errors import UserError


class Undecodable(UserError):
    """Audio of a format that other programs decode."""


def size_of(stream: BinaryIO) -> int:
    """Bytes of a file."""
    return stream.seek(0, io.SEEK_END)


def cut_short(there: float, promised: float, per_second: float) -> UserError:
    """
    Args:
        there: bytes, frames or samples of sound.
        promised: of the header.
        per_second: how many make a second; 0: unknown.

    >>> str(cut_short(16_000, 48_000, 32_000))
    'cut short: 0.5 s of the 1.5 s that its header promises'
    """
    if not per_second > 0:
        return UserError(
            f"cut short: {there:.0f} of the {promised:.0f} bytes of sound that its header promises"
        )
    there, promised = there / per_second, promised / per_second
    digits = next((d for d in (1, 3) if f"{there:.{d}f}" != f"{promised:.{d}f}"), 6)
    return UserError(
        f"cut short: {there:.{digits}f} s of the {promised:.{digits}f} s that its header promises"
    )


def without_sound() -> UserError:
    return UserError("cut short: its header ends before the sound begins")
