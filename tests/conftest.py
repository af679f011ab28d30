"""Small corpora that a network learns in seconds, and a cache of its own for each test."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from rich.console import Console

from bossline import api
from bossline.data.features.spec import FeatureSpec, ImageSpec, TableSpec
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.store import pack_path, register
from bossline.data.writer import writing
from bossline.evaluation.classification import ClassificationScores
from bossline.evaluation.scores import Scores
from bossline.recipes.overrides import unreplaced
from bossline.runs.run import Run
from bossline.tasks.phoneme.prediction import FramePrediction
from bossline.tasks.prediction import Prediction

settings.register_profile("bossline", deadline=None)  # a busy machine is no bug
settings.load_profile("bossline")

CLASSES = ("SIL", "AA", "S", "T", "M")
SPEAKERS = ("zoe", "ann", "bob", "cid")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of corpora of its own for every test, whether it asks for one or not."""
    path = tmp_path / "home"
    monkeypatch.setenv("BOSSLINE_HOME", str(path))
    return path


@pytest.fixture
def home(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of corpora, and runs/ in the working folder, both below tmp_path."""
    monkeypatch.chdir(tmp_path)
    return own_home


def write_toy(key: str, *, seed: int = 0, name: str = "toy") -> Corpus:
    """30 labelled utterances of 3 speakers and 4 unlabelled ones; each class is a noisy point."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(CLASSES), 6)) * 2
    path = pack_path(key)
    with writing(
        path,
        features=FeatureSpec(kind="other", dim=6),
        classes=CLASSES,
        source=Source(reader="test", path="test"),
    ) as writer:
        for number in range(34):
            labels = np.repeat(rng.integers(0, len(CLASSES), 8), rng.integers(2, 6, 8))
            frames = centres[labels] + rng.normal(size=(len(labels), 6))
            labelled = number < 30
            writer.add(
                f"utt-{number:02d}",
                frames.astype(np.float32),
                part="train" if labelled else "test",
                labels=labels if labelled else None,
                speaker=f"spk{number % 3}",
            )
    register(name, path)
    return Corpus(path)


@pytest.fixture
def toy(home: Path) -> Corpus:
    return write_toy("0" * 64)


def write_speakers(name: str, digit: str, dim: int, utterances: Sequence[np.ndarray]) -> Corpus:
    """Utterances (T, dim) of SPEAKERS in turn; those after the first 80 are of nobody known."""
    path = pack_path(digit * 64)
    with writing(
        path,
        features=FeatureSpec(kind="other", dim=dim),
        classes=(),
        source=Source(reader="test", path="test"),
        speakers=SPEAKERS,
    ) as writer:
        for number, frames in enumerate(utterances):
            known = number < 80
            writer.add(
                f"u{number:02d}.pt",
                frames.astype(np.float32),
                part="train" if known else "test",
                speaker=SPEAKERS[number % len(SPEAKERS)] if known else None,
            )
    register(name, path)
    return Corpus(path)


def write_voices() -> Corpus:
    """Four speakers of 20 utterances each, who differ in the mean of their frames; 5 unknown."""
    rng = np.random.default_rng(0)
    voice = rng.normal(size=(4, 5))
    utterances = [
        voice[number % 4] + rng.normal(size=(int(rng.integers(5, 40)), 5)) for number in range(85)
    ]
    return write_speakers("voices", "5", 5, utterances)


@pytest.fixture
def voices(home: Path) -> Corpus:
    return write_voices()


def over(overrides: Sequence[str], *others: str) -> list[str]:
    """`others`, and of the overrides those in whose place they do not stand."""
    return [*unreplaced(overrides, others), *others]


def train_on_voices(*overrides: str, run: str = "runs/a") -> Run:
    small = (
        "epochs=3",
        "batches={kind: segments, frames: 12, size: 16, valid_every: 30}",
        "model.encoder={kind: rnn, width: 12, depth: 1}",
        "model.frame_stack=1",
        "model.embedding=8",
        "optimiser.lr=1e-2",
        "precision=float32",
    )
    return api.train(
        "speaker/simple", "voices", over(small, *overrides), run=run, device="cpu", threads=1,
        console=Console(quiet=True),
    )  # fmt: skip


@pytest.fixture(scope="session")
def trained_voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the corpus of voices, and beside it a run that has learnt it."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOSSLINE_HOME", str(folder / "home"))
        patch.chdir(folder)
        write_voices()
        train_on_voices()
    return folder


@pytest.fixture
def speaker_run(trained_voices: Path, home: Path) -> Run:
    """A run of its own for each test, in runs/a."""
    shutil.copytree(trained_voices / "home", home)
    shutil.copytree(trained_voices / "runs", "runs")
    return Run("runs/a")


DISHES = ("red", "green", "blue")


@pytest.fixture
def dishes(home: Path) -> Corpus:
    """60 + 18 labelled pictures of any size, each mostly of its class's colour, and 9 of nobody
    knows what, three of which are plain grey."""
    rng = np.random.default_rng(4)
    path = pack_path("d" * 64)
    with writing(
        path, features=ImageSpec(), classes=DISHES, source=Source(reader="test", path="test")
    ) as writer:
        for number in range(87):
            part = "train" if number < 60 else "validation" if number < 78 else "test"
            category = number % 3
            picture = rng.integers(0, 120, (*rng.integers(16, 40, 2), 3)).astype(np.uint8)
            if number < 84:
                picture[..., category] += 100
            known = category if part != "test" else None
            writer.add(f"{part}/{number:04d}", picture, part=part, category=known)
    register("dishes", path)
    return Corpus(path)


@pytest.fixture
def survey(home: Path) -> Corpus:
    """120 rows with a target that is linear in five columns and a little noisy, and 20 without."""
    rng = np.random.default_rng(5)
    path = pack_path("6" * 64)
    columns = ("AL", "cli", "ili", "cli.1", "ili.1")
    with writing(
        path,
        features=TableSpec(columns=columns, target="tested_positive.1"),
        classes=(),
        source=Source(reader="test", path="test"),
    ) as writer:
        for number in range(140):
            row = rng.normal(size=(1, 5)) * [1, 5, 1, 5, 1] + [0, 40, 3, 40, 3]
            row[0, 0] = number % 2
            target = float(row[0] @ [2, 0.5, -1, 0.1, 3] + rng.normal() * 0.3)
            part = "train" if number < 120 else "test"
            writer.add(f"{part}/{number}", row, part=part, target=target if number < 120 else None)
    register("survey", path)
    return Corpus(path)


def frame_labels_of(prediction: Prediction) -> np.ndarray:
    """(T,) of a prediction of frames."""
    assert isinstance(prediction, FramePrediction)
    return prediction.labels


def classified(scores: Scores) -> ClassificationScores:
    """The scores of a classifier, as such."""
    assert isinstance(scores, ClassificationScores)
    return scores
