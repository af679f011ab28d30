"""Every format that libsndfile writes: whole files are read as it reads them, cut ones refused."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bossline.core.errors import UserError
from bossline.data.features.audio import Audio

RATE = 16_000
FORMATS = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "NIST", "FLAC", "OGG", "MP3")
UNREADABLE = ("DWVW_12", "DWVW_16", "DWVW_24")  # libsndfile writes AIFF with it, and fails to read


def written(format: str, subtype: str, channels: int, seconds: float = 0.6) -> bytes | None:
    """Noise as libsndfile writes it; None if it does not."""
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (round(seconds * RATE), channels))
    stream = io.BytesIO()
    try:
        soundfile.write(stream, sound, RATE, subtype, format=format)
    except (soundfile.LibsndfileError, ValueError):
        return None
    return stream.getvalue()


def heard(path: Path) -> np.ndarray:
    return np.concatenate(list(Audio(path, RATE)))


CASES = [
    (format, subtype)
    for format in FORMATS
    for subtype in soundfile.available_subtypes(format)
    if subtype not in UNREADABLE and written(format, subtype, 1, 0.05)
]


def test_all_of_libsndfile_is_asked() -> None:
    assert {format for format, _ in CASES} == set(FORMATS)
    assert len(CASES) > 60


@pytest.mark.parametrize(("format", "subtype"), CASES)
def test_whole_files_are_read_and_cut_ones_refused(
    tmp_path: Path, format: str, subtype: str
) -> None:
    for channels in (1, 2):
        content = written(format, subtype, channels)
        if content is None:  # some codecs are of one channel
            continue
        file = tmp_path / f"a.{format.lower()}"
        file.write_bytes(content)
        expected, _ = soundfile.read(file, dtype="float32", always_2d=True)
        np.testing.assert_array_equal(heard(file), expected.mean(axis=1))

        last = len(content) - 1
        if subtype.startswith("ALAC"):
            last -= 1  # a byte that fills up a packet
        places = np.random.default_rng(1).integers(0, last, 12).tolist()
        for place in {0, 3, 11, 40, last, *places}:
            file.write_bytes(content[:place])
            with pytest.raises(UserError) as caught:
                heard(file)
            assert str(caught.value).isprintable()


@pytest.mark.parametrize("format", ["WAV", "RF64", "W64", "AIFF", "AU", "CAF", "NIST"])
def test_how_much_is_missing_is_said(tmp_path: Path, format: str) -> None:
    content = written(format, "PCM_16", 1, seconds=3)
    assert content is not None
    (tmp_path / "a").write_bytes(content[: -round(1.8 * RATE) * 2])
    with pytest.raises(UserError, match=r"cut short: 1\.2 s of the 3\.0 s that its header"):
        heard(tmp_path / "a")


def test_one_sample_that_is_missing_is_said(tmp_path: Path) -> None:
    content = written("WAV", "PCM_16", 1, seconds=1)
    assert content is not None
    (tmp_path / "a.wav").write_bytes(content[:-2])
    with pytest.raises(UserError, match=r"0\.999938 s of the 1\.000000 s"):
        heard(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("format", "before", "word"),
    [("AU", b".snd\0\0\0\x18", b"\xff" * 4), ("CAF", b"data", b"\xff" * 8)],
)
def test_sound_to_the_end_of_the_file_is_a_legal_promise(
    tmp_path: Path, format: str, before: bytes, word: bytes
) -> None:
    content = written(format, "PCM_16", 1)
    assert content is not None
    at = content.index(before) + len(before)
    whole, other = tmp_path / "whole", tmp_path / "other"
    whole.write_bytes(content)
    other.write_bytes(content[:at] + word + content[at + len(word) :])
    np.testing.assert_array_equal(heard(other), heard(whole))


def test_damaged_bits_in_flac_and_ogg_are_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    for format, subtype in (("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS")):
        content = written(format, subtype, 1)
        assert content is not None
        for place in rng.integers(100, len(content), 30).tolist():
            damaged = bytearray(content)
            damaged[place] ^= 1 << int(rng.integers(8))
            (tmp_path / "a").write_bytes(damaged)
            with pytest.raises(UserError, match="damaged"):
                heard(tmp_path / "a")
