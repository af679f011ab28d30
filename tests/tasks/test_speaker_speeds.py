"""Recordings at other speeds, from the import to voices that are trained on and never answered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console

from bossline import api
from bossline.core.errors import UserError
from bossline.core.runtime import Runtime
from bossline.data.features.recording import read_recording
from bossline.data.features.spec import FeatureSpec
from bossline.data.importing import import_corpus
from bossline.data.packed import Corpus
from bossline.recipes.loading import load_recipe
from bossline.runs.run import Run
from bossline.tasks import lesson_of
from bossline.tasks.speaker.task import SpeakerLesson
from bossline.tasks.trained import items_of

RATE = 16_000
PITCH = {"ann": 200, "bob": 300, "cy": 450}
EACH = 10
SMALL = (
    "epochs=2",
    "augment=null",
    "batches={kind: segments, frames: 20, size: 16, valid_every: 30, speeds: [0.9, 1.1]}",
    "optimiser.lr=1e-2",
)
NETWORK = "{kind: speaker, encoder: {kind: rnn, width: 8, depth: 1}, embedding: 8}"


def hum(pitch: float, seconds: float, seed: int) -> np.ndarray:
    """Ten harmonics and some noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    waves = [np.sin(2 * np.pi * k * pitch * time + rng.uniform(0, 6)) / k for k in range(1, 11)]
    return np.asarray(0.2 * np.sum(waves, 0) + 0.02 * rng.normal(size=len(time)))


@pytest.fixture
def folder(home: Path, tmp_path: Path) -> Path:
    path = tmp_path / "voices"
    for number, (name, pitch) in enumerate(PITCH.items()):
        (path / name).mkdir(parents=True)
        for take in range(EACH):
            seed = number * EACH + take
            soundfile.write(path / name / f"{take}.wav", hum(pitch, 0.4 + 0.01 * take, seed), RATE)
    return path


@pytest.fixture
def corpus(folder: Path) -> Corpus:
    return import_corpus(folder, "voices", speeds=(0.9, 1.1))


@pytest.mark.parametrize("speed", [0.8, 1.0, 1.25])
def test_speed_moves_tempo_and_pitch(tmp_path: Path, speed: float) -> None:
    file = tmp_path / "tone.wav"
    soundfile.write(file, 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE), RATE)
    spec = FeatureSpec(kind="log-mel", dim=40)
    faster = read_recording(file, spec, speed)
    assert len(faster) == pytest.approx(RATE / speed / 160 + 1, abs=1)
    other = tmp_path / "other.wav"
    samples = np.arange(round(RATE / speed))
    soundfile.write(other, 0.5 * np.sin(2 * np.pi * 1000 * speed * samples / RATE), RATE)
    expected = read_recording(other, spec)
    assert faster.mean(0).argmax() == expected.mean(0).argmax()


def test_copies_lie_beside_the_split(corpus: Corpus) -> None:
    assert corpus.header.parts == ("train", "speed-0.9", "speed-1.1")
    assert len(corpus) == 3 * len(PITCH) * EACH
    original, copy = corpus.ids.index("ann/3"), corpus.ids.index("ann/3@0.9")
    assert corpus.speakers[original] == corpus.speakers[copy]
    assert corpus.lengths[copy] == pytest.approx(corpus.lengths[original] / 0.9, abs=1)


def test_copies_of_training_recordings_are_further_voices(corpus: Corpus) -> None:
    recipe = load_recipe("speaker/floor", ["batches.speeds=[0.9, 1.1]"])
    lesson = lesson_of(recipe, corpus, Runtime.choose("cpu"))
    assert isinstance(lesson, SpeakerLesson)
    speakers = sorted(PITCH)
    assert lesson.classes == tuple(speakers)
    for split in ("train", "validation", "test"):
        assert not any("@" in id for id in lesson.ids(split))
    heard = [
        (corpus.ids[u], voice)
        for u, voice in zip(lesson._heard, lesson.training_targets.tolist(), strict=True)
    ]
    expected = []
    for number, suffix in enumerate(("", "@0.9", "@1.1")):
        for id in lesson.ids("train"):
            voice = number * len(speakers) + speakers.index(id.split("/")[0])
            expected.append((id + suffix, voice))
    assert sorted(heard) == sorted(expected)
    assert len(lesson.training) == len(expected)


@pytest.mark.parametrize(
    "model",
    [
        "{kind: speaker-lda, shrinkage: 0.5}",
        NETWORK,
        f"{{kind: committee, members: [{NETWORK}, {{kind: speaker-lda, shrinkage: 0.5}}]}}",
    ],
)
def test_only_speakers_are_answered(corpus: Corpus, model: str) -> None:
    rung = "speaker/floor" if "speaker-lda" in model[:20] else "speaker/boss"
    small = SMALL if rung == "speaker/boss" else SMALL[2:3]
    run = api.train(
        rung, "voices", [*small, f"model={model}"],
        run="runs/a", device="cpu", threads=1, console=Console(quiet=True),
    )  # fmt: skip
    assert run.info.classes == tuple(sorted(PITCH))
    assert run.scores["test"].score.value == 1
    for prediction in api.predict(Run("runs/a"), "test"):
        assert prediction.outputs.shape == (1, len(PITCH))
        assert float(prediction.outputs.sum()) == pytest.approx(1, abs=1e-5)
    with pytest.raises(UserError, match="has no unlabelled utterances"):
        items_of([run], corpus, "unlabelled")


def test_one_that_is_too_short_when_played_faster_is_passed_over(folder: Path, home: Path) -> None:
    soundfile.write(folder / "ann" / "short.wav", hum(200, 0.0255, 99), RATE)
    with pytest.raises(UserError, match=r"ann/short\.wav at speed 1\.1: .* too short"):
        import_corpus(folder, "voices", speeds=(1.1,))
    corpus = import_corpus(folder, "voices", speeds=(1.1,), skip_damaged=True)
    assert "ann/short" in corpus.ids
    recipe = load_recipe("speaker/floor", ["batches.speeds=[1.1]"])
    lesson = lesson_of(recipe, corpus, Runtime.choose("cpu"))
    short = "ann/short" in lesson.ids("train")
    assert len(lesson.training) == 2 * len(lesson.ids("train")) - short


def test_a_speed_that_is_not_there_is_refused_before_anything_is_written(corpus: Corpus) -> None:
    with pytest.raises(
        UserError, match=r"at 0\.9, 1\.1 only: .*--speed 0\.9 --speed 1\.1 --speed 2"
    ):
        api.train("speaker/floor", "voices", ["batches.speeds=[2]"], run="runs/b", device="cpu")
    assert not Path("runs/b").exists()


@pytest.mark.parametrize("speeds", [(1.0,), (1.0000001,), (0.9, 0.9), (0.1,), (float("nan"),)])
def test_speeds_that_make_no_sense_are_refused(folder: Path, speeds: tuple[float, ...]) -> None:
    with pytest.raises(UserError, match="expected different numbers"):
        import_corpus(folder, "voices", speeds=speeds)


def test_features_cannot_be_played_faster(home: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    np.save(tmp_path / "mine" / "a.npy", np.zeros((5, 3), np.float32))
    (tmp_path / "mine" / "labels.txt").write_text("a 0 0 0 0 0\n")
    with pytest.raises(UserError, match="a folder set holds no recordings"):
        import_corpus(tmp_path / "mine", "mine", speeds=(0.9,))
