"""A folder of voices, as it lies on disk, to a corpus; and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from bossline.corpora.importing import import_corpus
from bossline.errors import UserError
from bossline.features.log_mel import log_mel
from bossline.features.spec import FeatureSpec
from bossline.inference.inputs import read_input

RATE = 16_000


def record(file: Path, seed: int, seconds: float = 0.5, rate: int = RATE) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).uniform(-0.3, 0.3, round(seconds * rate))
    soundfile.write(file, samples.astype(np.float32), rate, subtype="PCM_16")


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    folder = tmp_path / "voices"
    record(folder / "ann" / "b.wav", 1)
    record(folder / "ann" / "a.flac", 2)
    record(folder / "bob" / "chapter" / "c.WAV", 3, seconds=0.8)
    (folder / "ann" / "._a.wav").write_bytes(b"of macOS")
    (folder / "notes.txt").write_text("not a voice")
    return folder


def test_each_folder_is_a_speaker(voices: Path) -> None:
    corpus = import_corpus(voices, "voices")
    assert corpus.ids == ("ann/a", "ann/b", "bob/chapter/c")
    assert [corpus.header.speakers[s] for s in corpus.speakers] == ["ann", "ann", "bob"]
    expected = FeatureSpec(kind="log-mel", dim=40, normalisation="mean")
    assert corpus.header.features == expected
    samples, _ = soundfile.read(voices / "bob" / "chapter" / "c.WAV", dtype="float32")
    packed = log_mel(samples, expected).astype(np.float16)
    np.testing.assert_array_equal(corpus.frames(2), packed)


def test_a_model_of_these_features_hears_recordings(voices: Path) -> None:
    corpus = import_corpus(voices, "voices")
    found = read_input(voices / "ann" / "b.wav", corpus.header.features)
    np.testing.assert_array_equal(found.astype(np.float16), corpus.frames(1))


def test_all_that_is_wrong_is_said_at_once(voices: Path) -> None:
    record(voices / "ann" / "a.wav", 4)
    record(voices / "bob" / "two words.wav", 5)
    (voices / "bob" / "broken.wav").write_bytes(b"RIFF, then nothing")
    soundfile.write(voices / "bob" / "silent.wav", np.zeros(RATE), RATE)
    with pytest.raises(UserError) as caught:
        import_corpus(voices, "voices")
    message = str(caught.value)
    assert message.startswith("4 problems in ")
    assert "ann/a.wav: the same id as ann/a.flac" in message
    assert "bob/two words.wav: white space" in message
    assert "bob/broken.wav: not readable as audio" in message
    assert "bob/silent.wav: 0 samples of 16000 are louder than silence" in message


def test_single_recordings_can_be_left_out(voices: Path) -> None:
    soundfile.write(voices / "bob" / "silent.wav", np.zeros(RATE), RATE)
    corpus = import_corpus(voices, "voices", skip_damaged=True)
    assert len(corpus.ids) == 3
    assert [left.id for left in corpus.header.left_out] == ["bob/silent"]


def test_no_folder_of_a_speaker(tmp_path: Path) -> None:
    record(tmp_path / "lonely.wav", 0)
    with pytest.raises(UserError, match="one folder a speaker"):
        import_corpus(tmp_path, "voices", reader="recordings")
