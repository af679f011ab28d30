"""A folder of voices, as it lies on disk, to a corpus; and what is wrong with one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.data.features.log_mel import log_mel
from bossline.data.features.mfcc import mfcc
from bossline.data.features.spec import FeatureSpec
from bossline.data.importing import import_corpus
from bossline.data.inputs import read_input
from bossline.data.packed import Corpus
from bossline.data.readers.base import RecordingOptions

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
    record(voices / "bob" / "two\nlines.wav", 5)
    (voices / "bob" / "broken.wav").write_bytes(b"RIFF, then nothing")
    soundfile.write(voices / "bob" / "silent.wav", np.zeros(RATE), RATE)
    with pytest.raises(UserError) as caught:
        import_corpus(voices, "voices")
    message = str(caught.value)
    assert message.startswith("4 problems in ")
    assert "\nlines" not in message
    assert "ann/a.wav: the same id as ann/a.flac" in message
    assert r"bob/two\nlines.wav: unprintable characters in the id" in message
    assert "bob/broken.wav: not readable as audio" in message
    assert "bob/silent.wav: silent: all its samples are 0" in message


def test_what_is_odd_is_noticed_and_imported(voices: Path) -> None:
    sound = np.random.default_rng(9).uniform(-0.3, 0.3, RATE)
    soundfile.write(voices / "bob" / "loud.wav", np.clip(9 * sound, -1, 1), RATE)
    soundfile.write(voices / "bob" / "soft.wav", sound / 1000, RATE, subtype="FLOAT")
    corpus = import_corpus(voices, "voices", speeds=[0.9])
    over = (np.abs(9 * sound) >= 1 - 2**-15).mean()
    assert corpus.header.noticed == (
        f"bob/loud.wav: clipped: {over:.1%} of its samples are at the extremes",
        "bob/soft.wav: hardly a sound in it: its loudest sample is at -70 dB",
    )
    assert len(corpus.ids) == 10
    assert Corpus(corpus.path).header.noticed == corpus.header.noticed
    with pytest.warns(UserWarning, match="loud.wav: clipped"):
        read_input(voices / "bob" / "loud.wav", corpus.header.features)


def test_single_recordings_can_be_left_out(voices: Path) -> None:
    soundfile.write(voices / "bob" / "silent.wav", np.zeros(RATE), RATE)
    corpus = import_corpus(voices, "voices", skip_damaged=True)
    assert len(corpus.ids) == 3
    assert [left.id for left in corpus.header.left_out] == ["bob/silent"]


def test_no_folder_of_a_speaker(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a voice")
    with pytest.raises(UserError, match="one folder a speaker"):
        import_corpus(tmp_path, "voices", reader="recordings")
    for name in ("lonely.wav", "alone.m4a"):
        record(tmp_path / "lonely.wav", 0)
        (tmp_path / name).touch()
    with pytest.raises(
        UserError, match=r"^2 problems .*\n  alone.m4a: in no speaker's folder: move"
    ):
        import_corpus(tmp_path, "voices", reader="recordings")


@pytest.mark.parametrize(
    ("suffix", "format", "subtype"),
    [
        (".ogg", "OGG", "VORBIS"),
        (".opus", "OGG", "OPUS"),
        (".mp3", "MP3", "MPEG_LAYER_III"),
        (".aiff", "AIFF", "PCM_16"),
        (".AIF", "AIFF", "PCM_24"),
        (".au", "AU", "ULAW"),
        (".snd", "AU", "PCM_16"),
        (".caf", "CAF", "PCM_16"),
        (".w64", "W64", "PCM_16"),
        (".rf64", "RF64", "PCM_16"),
        (".sph", "NIST", "PCM_16"),
    ],
)
def test_recordings_of_every_format(tmp_path: Path, suffix: str, format: str, subtype: str) -> None:
    (tmp_path / "voices" / "ann").mkdir(parents=True)
    sound = np.random.default_rng(0).uniform(-0.3, 0.3, RATE)
    soundfile.write(tmp_path / "voices" / "ann" / f"a{suffix}", sound, RATE, subtype, format=format)
    corpus = import_corpus(tmp_path / "voices", "voices")
    assert corpus.ids == ("ann/a",)
    assert len(corpus.frames(0)) == 101


@pytest.mark.parametrize("suffix", [".m4a", ".webm", ".wma", ".aac", ".amr"])
def test_audio_that_is_not_decoded_is_a_problem(voices: Path, suffix: str) -> None:
    import_corpus(voices, "voices")
    (voices / "ann" / f"c{suffix}").write_bytes(b"\0\0\0\x20ftypM4A ".ljust(64, b"\0"))
    with pytest.raises(UserError, match=rf"ann/c{suffix}: .* convert it, .*'ffmpeg -i c{suffix} c"):
        import_corpus(voices, "voices")  # it was not there when the pack was made
    corpus = import_corpus(voices, "voices", skip_damaged=True)
    assert len(corpus.ids) == 3
    assert [left.id for left in corpus.header.left_out] == ["ann/c"]


def test_a_recording_cut_short_is_a_problem_of_import_and_of_prediction(voices: Path) -> None:
    file = voices / "ann" / "b.wav"
    file.write_bytes(file.read_bytes()[:-3200])
    message = r"b\.wav: cut short: 0\.4 s of the 0\.5 s that its header promises"
    with pytest.raises(UserError, match=message):
        import_corpus(voices, "voices")
    with pytest.raises(UserError, match=message):
        read_input(file, FeatureSpec(kind="log-mel", dim=40))


def test_other_files_are_counted(voices: Path) -> None:
    for chapter in range(8):
        (voices / "bob" / f"{chapter}").mkdir()
        (voices / "bob" / f"{chapter}" / "words.trans").touch()
    (voices / "ann" / "scores.json").touch()
    corpus = import_corpus(voices, "voices")
    assert corpus.header.passed_over == (
        "1 .txt file in the folder itself",
        "1 .json file in ann/",
        "8 .trans files in 8 folders",
    )


def test_what_is_no_file_is_a_problem(voices: Path) -> None:
    os.mkfifo(voices / "ann" / "c.wav")
    (voices / "ann" / "d.wav").symlink_to("nowhere")
    (voices / "bob" / "e.opus").mkdir()
    with pytest.raises(UserError) as caught:
        import_corpus(voices, "voices")
    assert "ann/c.wav: cannot be read: a FIFO, expected a regular file" in str(caught.value)
    assert "ann/d.wav: no such file" in str(caught.value)
    assert "bob/e.opus: cannot be read: a folder, expected a regular file" in str(caught.value)


PRINTED = st.characters(exclude_categories=["C", "Z"], exclude_characters="/\\.") | st.just(" ")
NAMES = st.text(PRINTED, min_size=1, max_size=12).map(str.strip).filter(bool)


@given(names=st.lists(NAMES, min_size=2, max_size=2, unique_by=str.casefold))
@settings(max_examples=30)
def test_names_of_any_script_with_blanks(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("voices")
    speaker, recording = names
    record(folder / speaker / f"{recording}.wav", 1)
    corpus = import_corpus(folder, "voices", reader="recordings")
    assert corpus.ids == (f"{speaker}/{recording}",)
    assert corpus.header.speakers == (speaker,)


def test_recordings_get_the_features_that_are_asked_for(voices: Path) -> None:
    features = FeatureSpec(kind="mfcc", dim=39, deltas="coefficient", normalisation="utterance")
    corpus = import_corpus(voices, "voices", recordings=RecordingOptions(features=features))
    assert corpus.header.features == features
    samples, _ = soundfile.read(voices / "bob" / "chapter" / "c.WAV", dtype="float32")
    np.testing.assert_array_equal(corpus.frames(2), mfcc(samples, features).astype(np.float16))
    plain = import_corpus(voices, "plain")
    assert plain.header.features.kind == "log-mel"
    assert plain.key != corpus.key


def test_features_of_what_is_no_recording_are_refused(tmp_path: Path) -> None:
    (tmp_path / "covid.train.csv").write_text("id,cli,tested_positive\n0,1,2\n")
    like = RecordingOptions(features=FeatureSpec(kind="mfcc", dim=13))
    with pytest.raises(UserError, match="--like is of recordings; a covid set holds none"):
        import_corpus(tmp_path, "table", recordings=like)
