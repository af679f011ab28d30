from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.data.features.audio import Audio, resample
from bossline.data.features.recording import read_recording
from bossline.data.features.spec import FeatureSpec


def tone(rate: int, seconds: float = 0.5) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    samples = np.arange(int(rate * seconds))
    return (0.4 * np.sin(2 * np.pi * 300 * samples / rate)).astype(np.float32)


def heard(path: Path, rate: float = 16_000) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.concatenate(list(Audio(path, rate)))


def test_channels_are_averaged(tmp_path: Path) -> None:
    left = tone(16_000)
    soundfile.write(tmp_path / "a.wav", np.stack([left, 0 * left], axis=1), 16_000, "FLOAT")
    np.testing.assert_allclose(heard(tmp_path / "a.wav"), left / 2, atol=1e-7)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100])
def test_other_rates_are_resampled(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.flac", tone(rate), rate)
    result = heard(tmp_path / "a.flac")
    assert result.dtype == np.float32
    assert abs(len(result) - 8000) <= 1
    inside = slice(500, 7500)
    np.testing.assert_allclose(result[inside], tone(16_000)[inside], atol=2e-3)


def test_what_is_no_audio_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        heard(tmp_path / "none.wav")
    (tmp_path / "text.wav").write_text("hello")
    with pytest.raises(UserError, match="not readable as audio") as caught:
        heard(tmp_path / "text.wav")
    assert "\n" not in str(caught.value)
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), 16_000)
    with pytest.raises(UserError, match="its length is 0"):
        heard(tmp_path / "empty.wav")
    soundfile.write(tmp_path / "nan.wav", np.full(99, np.nan, np.float32), 16_000, "FLOAT")
    with pytest.raises(UserError, match="no numbers"):
        heard(tmp_path / "nan.wav")


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", tone(8_000), 8_000)
    monkeypatch.setitem(sys.modules, "soxr", None)
    with pytest.raises(UserError, match=r"audio extra: pip install 'bossline\[audio\]'"):
        heard(tmp_path / "a.wav")


@given(
    st.integers(0, 9000),
    st.sampled_from([8_000, 11_025, 44_100, 48_000, 192_000]),
    st.sampled_from([0.5, 0.9, 1.0, 1.1, 2.0]),
)
def test_resampling_in_blocks_is_that_at_once(samples: int, rate: int, speed: float) -> None:
    waveform = np.random.default_rng(samples).uniform(-1, 1, samples).astype(np.float32)
    expected = soxr.resample(waveform, rate, 16_000 / speed)
    np.testing.assert_array_equal(resample(waveform, rate, 16_000 / speed), expected)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 3, 8])
def test_every_rate_and_number_of_channels(tmp_path: Path, rate: int, channels: int) -> None:
    sound = np.random.default_rng(0).uniform(-0.9, 0.9, (rate // 10, channels))
    for subtype, step in (("PCM_U8", 2**-7), ("PCM_24", 2**-23), ("FLOAT", 1e-7), ("DOUBLE", 1e-7)):
        soundfile.write(tmp_path / "a.wav", sound, rate, subtype)
        np.testing.assert_allclose(
            heard(tmp_path / "a.wav", rate), sound.mean(axis=1), atol=2 * step
        )


def test_a_long_file_is_read_in_blocks_that_are_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = np.random.default_rng(0).uniform(-0.9, 0.9, (50_000, 2)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", sound, 44_100, "FLOAT")
    expected = soxr.resample(sound.mean(axis=1), 44_100, 16_000)
    monkeypatch.setattr("bossline.data.features.audio._BLOCK", 3_000)
    monkeypatch.setattr("bossline.data.features.audio._KEPT", 5_000)
    audio = Audio(tmp_path / "a.wav", 16_000)
    for _ in range(2):
        blocks = list(audio)
        assert len(blocks) > 30
        np.testing.assert_array_equal(np.concatenate(blocks), expected)


def test_one_sample_is_heard(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.5]), 16_000)
    np.testing.assert_array_equal(heard(tmp_path / "a.wav"), [0.5])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_no_number_is_refused_wherever_it_is(tmp_path: Path, value: float) -> None:
    sound = np.zeros((5000, 2))
    sound[4321, 1] = value
    soundfile.write(tmp_path / "a.wav", sound, 16_000, "DOUBLE")
    with pytest.raises(UserError, match="no numbers"):
        heard(tmp_path / "a.wav")


def wav_header(rate: int, channels: int) -> bytes:
    kind = struct.pack("<HHIIHH", 1, channels, rate, 2 * rate, 2 * channels, 16)
    sound = bytes(8 * channels)
    body = b"WAVEfmt " + struct.pack("<I", 16) + kind + b"data" + struct.pack("<I", len(sound))
    return b"RIFF" + struct.pack("<I", len(body + sound)) + body + sound


@pytest.mark.parametrize(
    ("rate", "channels", "message"),
    [
        (1_000_000_000, 1, "1,000,000,000 samples a second, expected 1,000 to 1,000,000"),
        (1, 1, "1 samples a second, expected 1,000 to 1,000,000"),
        (16_000, 1000, "1,000 channels, expected 64 at most"),
        (16_000, 30_000, "not readable as audio"),
    ],
)
def test_absurd_headers_are_refused(tmp_path: Path, rate: int, channels: int, message: str) -> None:
    (tmp_path / "a.wav").write_bytes(wav_header(rate, channels))
    with pytest.raises(UserError, match=message):
        heard(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a b.m4a", b"\0\0\0\x20ftypM4A ", r"MPEG-4 .*: convert it, as by 'ffmpeg -i \"a b\.m4a\""),
        ("a.webm", b"\x1aE\xdf\xa3", "WebM .*'ffmpeg -i a.webm a.wav'"),
        ("a.aac", b"\xff\xf1\x50\x80", "AAC audio is not read here"),
        ("a.amr", b"#!AMR\n", "AMR audio is not read here"),
        (
            "a.sph",
            b"NIST_1A\n   1024\nsample_coding -s26 pcm,embedded-shorten-v2.00\nend_head\n",
            "Shorten compressed is not read here",
        ),
        ("a.wav", b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer in place"),
        ("a.wav", b"<!DOCTYPE html>", "a web page in place"),
        ("a.wav", b"", "the file is empty"),
    ],
)
def test_what_is_not_decoded_is_named(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content.ljust(40, b"\0") if content else b"")
    with pytest.raises(UserError, match=message) as caught:
        heard(tmp_path / name)
    assert str(tmp_path) not in str(caught.value)


def test_a_flac_that_does_not_say_how_long_it_is(tmp_path: Path) -> None:
    file = tmp_path / "a.flac"
    soundfile.write(file, tone(16_000), 16_000)
    content = bytearray(file.read_bytes())
    content[21] &= 0xF0  # the 36 bits of STREAMINFO that count samples
    content[22:26] = bytes(4)
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"does not say how long it is.*'ffmpeg -i"):
        heard(file)


def test_a_path_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    with pytest.raises(UserError) as caught:
        read_recording(tmp_path / "a.wav", FeatureSpec(kind="log-mel", dim=40))
    assert str(caught.value).count("a.wav") == 1


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(UserError, match="a FIFO, expected a regular file"):
        heard(tmp_path / "a.wav")


@pytest.mark.parametrize("kind", ["log-mel", "mfcc"])
def test_samples_beyond_all_measure_are_refused(tmp_path: Path, kind: str) -> None:
    sound = np.random.default_rng(0).uniform(-3e38, 3e38, 16_000)
    soundfile.write(tmp_path / "a.wav", sound, 16_000, "FLOAT")
    spec = FeatureSpec(kind=kind, dim={"log-mel": 40, "mfcc": 13}[kind])
    if kind == "log-mel":  # which is of any loudness
        assert np.isfinite(read_recording(tmp_path / "a.wav", spec)).all()
    else:
        with pytest.raises(UserError, match=r"a\.wav: damaged, its samples are too large"):
            read_recording(tmp_path / "a.wav", spec)
