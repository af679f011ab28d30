"""Tags around MP3, frames that are missing, and the pages of Ogg."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.data.features.audio import Audio
from bossline.data.features.containers.ogg import ogg_crc

RATE = 44_100
SECONDS = 3
FRAME = 1152 / RATE


def heard(file: Path) -> np.ndarray:
    return np.concatenate(list(Audio(file, RATE)))


def written(format: str, subtype: str, **options: object) -> bytes:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, SECONDS * RATE)
    stream = io.BytesIO()
    soundfile.write(stream, sound, RATE, subtype, format=format, **options)
    return stream.getvalue()


@pytest.fixture(scope="module")
def mp3() -> bytes:
    return written("MP3", "MPEG_LAYER_III")


@pytest.fixture(scope="module")
def constant() -> tuple[bytes, int]:
    """Without the frame that counts the others, and the length of a frame."""
    content = written("MP3", "MPEG_LAYER_III", bitrate_mode="CONSTANT", compression_level=0.5)
    places = [
        place for place in range(len(content) - 1) if content[place : place + 2] == b"\xff\xfb"
    ]
    return content[places[1] :], places[2] - places[1]


V1 = b"TAG" + bytes(125)
V2 = b"ID3\x03\0\0\0\0\x10\0" + bytes(2048)
APE = b"APETAGEX" + struct.pack("<IIII", 2000, 32, 0, 0xA0000000) + bytes(8)


@pytest.mark.parametrize(
    ("before", "behind"),
    [(b"", V1), (b"", APE), (V2, b""), (V2 + V2, V1), (b"", bytes(5000)), (b"\0\1\2" * 50, b"")],
)
def test_tags_around_the_frames_do_not_matter(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], mp3: bytes, before: bytes, behind: bytes
) -> None:
    plain, tagged = tmp_path / "a.mp3", tmp_path / "b.mp3"
    plain.write_bytes(mp3)
    tagged.write_bytes(before + mp3 + behind)
    expected, _ = soundfile.read(plain, dtype="float32")
    capfd.readouterr()
    np.testing.assert_array_equal(heard(tagged), expected)
    assert len(expected) == SECONDS * RATE
    assert capfd.readouterr().err == ""


def test_what_is_missing_of_an_mp3_is_said_and_libmpg123_stays_silent(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], mp3: bytes
) -> None:
    file = tmp_path / "a.mp3"
    for share in (0.1, 0.5, 0.95):
        file.write_bytes(mp3[: round(len(mp3) * share)])
        with pytest.raises(UserError, match=r"cut short: \d\.\d s of the 3\.0 s"):
            heard(file)
    assert capfd.readouterr().err == ""


def test_an_mp3_that_counts_nothing_is_whole_if_its_last_frame_is(
    tmp_path: Path, constant: tuple[bytes, int]
) -> None:
    content, length = constant
    file = tmp_path / "a.mp3"
    file.write_bytes(content)
    heard(file)
    file.write_bytes(content + V1)
    heard(file)
    file.write_bytes(content[:-5])
    with pytest.raises(UserError, match=r"cut short after \d\.\d s: in the middle of a frame"):
        heard(file)
    at = content.index(b"\xff\xfb", 40 * length)
    file.write_bytes(content[:at] + b"\0\0" + content[at + 2 :])
    with pytest.raises(UserError, match=f"no MPEG frame at byte {at}"):
        heard(file)


def pages(content: bytes) -> list[bytes]:
    return [b"OggS" + page for page in content.split(b"OggS")[1:]]


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_an_ogg_that_does_not_end_is_cut_short(tmp_path: Path, share: float) -> None:
    content = written("OGG", "VORBIS")
    file = tmp_path / "a.ogg"
    whole = pages(content)
    file.write_bytes(b"".join(whole[: round(len(whole) * share)]))
    with pytest.raises(UserError, match=r"cut short after \d\.\d s: its last Ogg page"):
        heard(file)
    file.write_bytes(content[: round(len(content) * share)])
    with pytest.raises(UserError, match=r"cut short after \d\.\d s: its last Ogg page"):
        heard(file)


def test_an_ogg_page_that_is_missing_is_named(tmp_path: Path) -> None:
    whole = pages(written("OGG", "VORBIS"))
    (tmp_path / "a.ogg").write_bytes(b"".join(whole[:3] + whole[4:]))
    with pytest.raises(UserError, match="an Ogg page is missing at byte"):
        heard(tmp_path / "a.ogg")


@given(st.binary(max_size=60))
def test_the_checksum_of_ogg_is_a_division_of_polynomials(page: bytes) -> None:
    rest = 0
    for byte in page:
        rest ^= byte << 24
        for _ in range(8):
            rest = (rest << 1 ^ 0x04C11DB7 if rest >> 31 else rest << 1) & 0xFFFFFFFF
    assert ogg_crc(page) == rest
