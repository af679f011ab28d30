from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bossline.errors import UserError
from bossline.features.audio import Audio


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
