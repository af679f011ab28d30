"""WAV files as they are found: chunks around the sound, and headers that were never finished."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np
import pytest

from bossline.core.errors import UserError
from bossline.data.features.audio import Audio

RATE = 16_000
SOUND = np.random.default_rng(0).integers(-9000, 9000, 8000).astype("<i2")
INFO = b"INFOISFT\x02\0\0\0A\0"


def chunk(id: bytes, body: bytes, length: int | None = None) -> bytes:
    return id + struct.pack("<I", len(body) if length is None else length) + body


def wav(
    *,
    riff: int | None = None,
    data: int | None = None,
    before: bytes = b"",
    behind: bytes = b"",
    sound: bytes = SOUND.tobytes(),
) -> bytes:
    """A header as it should be, but for what is asked."""
    kind = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))
    content = b"WAVE" + kind + before + chunk(b"data", sound, data) + behind
    return chunk(b"RIFF", content, riff)


def heard(file: Path) -> np.ndarray:
    return np.concatenate(list(Audio(file, RATE)))


@pytest.mark.parametrize(
    "content",
    [
        wav(),
        wav(before=chunk(b"LIST", INFO)),
        wav(before=chunk(b"JUNK", bytes(28))),
        wav(before=chunk(b"bext", bytes(602))),
        wav(before=chunk(b"LIST", INFO[:-1]) + b"\0"),
        wav(before=chunk(b"LIST", INFO[:-1])),  # an odd length without the byte that evens it
        wav(before=chunk(b"LIST", INFO, 4)),
        wav(before=chunk(b"LIST", INFO, 5000)),
        wav(before=chunk(b"LIST", INFO, 0xFFFFFF00)),
        wav(before=chunk(b"LIST", b"INFOICMT\x0c\0\0\0data in text")),
        wav(behind=chunk(b"LIST", INFO)),
        wav(behind=chunk(b"LIST", INFO, 1400)),
        wav(behind=chunk(b"id3 ", b"ID3\3\0\0\0\0\0\0")),
        wav(behind=b"no chunk"),
        wav(riff=0),
    ],
)
def test_what_is_around_the_sound_does_not_matter(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with warnings.catch_warnings(action="error"):
        np.testing.assert_array_equal(heard(tmp_path / "a.wav"), SOUND / np.float32(32768))


@pytest.mark.parametrize(
    ("riff", "data"),
    [
        (0, 0),
        (36, 0),
        (0xFFFFFFFF, 0xFFFFFFFF),  # ffmpeg into a pipe
        (0x7FFFF024, 0x7FFFF000),  # sox into a pipe
        (0x80000024, 0x80000000),  # arecord
    ],
)
def test_a_header_that_was_never_finished_is_read_to_the_end(
    tmp_path: Path, riff: int, data: int
) -> None:
    (tmp_path / "a.wav").write_bytes(wav(riff=riff, data=data))
    with pytest.warns(UserWarning, match=r"a\.wav: its header was never finished: read to the end"):
        found = heard(tmp_path / "a.wav")
    np.testing.assert_array_equal(found, SOUND / np.float32(32768))


def test_no_sample_and_a_chunk_behind_is_no_unfinished_header(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(sound=b"", behind=chunk(b"LIST", INFO)))
    with pytest.raises(UserError, match="its length is 0"):
        heard(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (chunk(b"RIFF", b"AVI " + bytes(90)), "a RIFF file without a WAVE in it"),
        (chunk(b"RIFF", b"WAVE" + chunk(b"data", SOUND.tobytes())), "no chunk says of what kind"),
        (wav()[:36], "its header ends before the sound begins"),
        (wav()[:9], "without a WAVE in it"),
    ],
)
def test_what_is_no_recording_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(UserError, match=message):
        heard(tmp_path / "a.wav")


@pytest.mark.parametrize(
    "tail", [b"", bytes(512), b"TAG" + bytes(125), b"ID3\3" + bytes(9), chunk(b"LIST", INFO)]
)
def test_padding_and_tags_behind_the_end_do_no_harm(tmp_path: Path, tail: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(wav() + tail)
    np.testing.assert_array_equal(heard(tmp_path / "a.wav"), SOUND.astype(np.float32) / 32768)


@pytest.mark.parametrize("place", [44, 45, 5000, 16043])
@pytest.mark.parametrize("inserted", [b" ", b"00", b"\x7f" * 16])
def test_inserted_bytes_are_noticed(tmp_path: Path, place: int, inserted: bytes) -> None:
    whole = wav()
    (tmp_path / "a.wav").write_bytes(whole[:place] + inserted + whole[place:])
    with pytest.raises(UserError, match="behind the end that its header declares"):
        heard(tmp_path / "a.wav")
