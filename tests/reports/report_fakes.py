"""Runs as a report sees them, without any training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.data.features.spec import FeatureSpec, TableSpec
from bossline.data.phones import LIBRIPHONE, PHONETIC_CLASSES
from bossline.evaluation.classification import ClassificationScores
from bossline.evaluation.scores import Scores
from bossline.recipes import catalogue
from bossline.recipes.loading import load_recipe
from bossline.runs.info import RunInfo
from bossline.runs.run import Run
from bossline.tasks.base import Arrays
from bossline.tasks.covid.scores import RegressionScores
from bossline.tasks.phoneme.pictures import Example
from bossline.tasks.recipe import Recipe
from bossline.tasks.speaker.pictures import Curve, HeardVoices
from bossline.tasks.speaker.verification.det import det_curve
from bossline.training.contents import DET


class FakeRun(Run):
    """A run in memory: what a report asks of it, without a folder behind it."""

    def __init__(
        self,
        name: str,
        recipe: Recipe,
        info: RunInfo,
        scores: Mapping[str, Scores],
        rows: list[dict[str, Any]],
        picture: Example | None,
        speaking: HeardVoices | None = None,
        curve: Curve | None = None,
    ) -> None:
        self.path, self.name, self.recipe, self.info = Path("runs") / name, name, recipe, info
        self.scores, self.rows, self.picture = dict(scores), rows, picture
        self.speaking, self.curve = speaking, curve

    def metrics(self) -> list[dict[str, Any]]:
        return self.rows

    def at_hand(self, *wanted: str) -> tuple[Arrays, Any] | None:
        if (seen := self.picture) is not None and "example" in wanted:
            corpus = SimpleNamespace(
                ids=(seen.id,),
                frames=lambda utterance: seen.features,
                frame_labels=lambda utterance: seen.true,
                lengths=np.array([len(seen.true)]),
                speech=seen.spec,
            )
            arrays: Arrays = {
                "example": np.zeros(1, np.int64),
                "example_predicted": seen.predicted,
                "example_posteriors": seen.posteriors,
            }
            return arrays, corpus
        if (heard := self.speaking) is not None and "utterances" in wanted:
            corpus = SimpleNamespace(
                speakers=heard.speakers,
                lengths=heard.seconds * 100,
                speech=SimpleNamespace(frames_per_second=100.0),
            )
            found: Arrays = {
                "utterances": np.arange(len(heard.speakers)),
                "predicted": np.where(heard.correct, heard.speakers, -1),
            }
            if heard.embeddings is not None:
                found["embeddings"] = heard.embeddings
            return found, corpus
        return None

    def tensors(self, name: str) -> Arrays | None:
        if self.curve is None or name != DET:
            return None
        return dict(zip(("false_accepts", "false_rejects"), self.curve, strict=True))


def said(length: int, classes: int, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Labels that stay for some frames, as phones do."""
    spans = generator.integers(3, 14, length)
    return np.repeat(generator.integers(0, classes, length), spans)[:length]


def heard(
    true: npt.NDArray[np.int64],
    accuracy: float,
    classes: tuple[str, ...],
    generator: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Predictions of a given accuracy; most mistakes stay within the phonetic class."""
    kin = {phone: group for group in PHONETIC_CLASSES.values() for phone in group}
    near = [[classes.index(p) for p in kin.get(name, classes) if p in classes] for name in classes]
    wrong = np.array(
        [
            generator.choice(near[k]) if generator.random() < 0.7 else generator.integers(len(near))
            for k in true
        ]
    )
    return np.where(generator.random(len(true)) < accuracy, true, wrong)


def fake_run(
    rung: str = "strong",
    accuracy: float = 0.76,
    target: float = 0.74944,
    *,
    classes: tuple[str, ...] = LIBRIPHONE,
    epochs: int = 12,
    best: int = 10,
    utterances: int = 20,
    smoothed: bool = False,
) -> FakeRun:
    """A finished run; the same test utterances for every rung, other mistakes."""
    words, mistakes = np.random.default_rng(5), np.random.default_rng(int(accuracy * 1000))
    scores = {}
    for split in ("validation", "test"):
        lengths = words.integers(60, 240, utterances)
        true = said(int(lengths.sum()), len(classes), words)
        scores[split] = ClassificationScores.of(
            tuple(f"{split}-{k:04d}" for k in range(utterances)),
            lengths,
            true,
            heard(true, accuracy - 0.02, classes, mistakes),
            len(classes),
        )
    true = said(460, len(classes), words)
    return FakeRun(
        name=f"phoneme-{rung}-libriphone-20260101",
        recipe=_recipe(f"phoneme/{rung}", "phoneme/strong", smoothed).model_copy(
            update={"target": {"2022": 0.5, "2023": target}}
        ),
        info=RunInfo(
            state="finished",
            corpus="libriphone",
            corpus_key="3f0c9a1b7d52",
            edition="2023",
            features=FeatureSpec(kind="mfcc", dim=39, normalisation="utterance"),
            classes=classes,
            parameters=1_283_113,
            device="cpu",
            hardware="CPU, 2 threads, float32",
            threads=2,
            started="2026-01-01T00:00:00+00:00",
            seconds=372.4,
            per_second=512_345.0,
            best_epoch=best,
        ),
        scores=scores,
        rows=list(fake_metrics(accuracy, epochs, best)),
        picture=fake_example(true, accuracy, classes, mistakes, smoothed=smoothed),
    )


def _recipe(name: str, stand_in: str, smoothed: bool = False) -> Recipe:
    """The rung of that name, or another one under it."""
    known = name in catalogue.names()
    recipe = load_recipe(name if known else stand_in)
    if smoothed:
        recipe = load_recipe(stand_in, ["smoothing={kind: median}"])
    return recipe.model_copy(update={"name": name})


def fake_example(
    true: npt.NDArray[np.int64],
    accuracy: float,
    classes: tuple[str, ...],
    generator: np.random.Generator,
    *,
    smoothed: bool,
) -> Example:
    """Posteriors whose best classes have a given accuracy; a smoothed path is late, but steady."""
    best = heard(true, accuracy, classes, generator)
    share = generator.uniform(0.5, 1, (len(true), 1))
    rest = generator.dirichlet(np.full(len(classes), 0.05), len(true))
    posteriors = share * np.eye(len(classes))[best] + (1 - share) * rest
    return Example(
        id="103-1240-0007",
        features=generator.standard_normal((len(true), 39)).astype(np.float32),
        true=true,
        posteriors=posteriors.astype(np.float32),
        predicted=np.concatenate([true[:1], true[:1], true[:-2]]) if smoothed else best,
        smoothed=smoothed,
        spec=FeatureSpec(kind="mfcc", dim=39),
    )


def fake_metrics(accuracy: float, epochs: int, best: int) -> list[dict[str, Any]]:
    """Curves that rise and level out, the training split above the validation split."""
    generator = np.random.default_rng(1)
    rows: list[dict[str, Any]] = []
    for step in range(100, 400 * epochs + 1, 100):
        part = step / (400 * epochs)
        rate = 1e-3 * min(1.0, part * 10) * (1 + np.cos(np.pi * part)) / 2
        rows.append({"kind": "step", "step": step, "epoch": step / 400, "lr": float(rate)})
        if step % 400 == 0:
            epoch = step // 400
            risen = 1 - np.exp(-0.7 * epoch) + generator.normal(0, 0.004)
            rows.append(
                {
                    "kind": "epoch",
                    "epoch": epoch,
                    "step": step,
                    "train_accuracy": float((accuracy + 0.05) * risen),
                    "validation_accuracy": float(accuracy * risen),
                    "train_loss": float(3.6 - 3 * (accuracy + 0.05) * risen),
                    "validation_loss": float(3.6 - 3 * accuracy * risen),
                    "best": epoch <= best,
                }
            )
    return rows


def unfinished_run(epochs: int = 0) -> FakeRun:
    """A run that is still training: no scores, no example."""
    run = fake_run(epochs=max(epochs, 1), best=epochs)
    rows = run.rows if epochs else []
    info = run.info.model_copy(
        update={
            "state": "training",
            "best_epoch": epochs or None,
            "seconds": None,
            "per_second": None,
        }
    )
    return FakeRun(run.name, run.recipe, info, {}, rows, None)


def fake_voices(speakers: int, accuracy: float, *, embedded: bool = True) -> HeardVoices:
    """Test utterances of speakers: the longer, the better known, and some are never known."""
    generator = np.random.default_rng(3)
    said_by = np.repeat(np.arange(speakers), generator.integers(2, 9, speakers))
    seconds = 1.5 + generator.gamma(2, 2.2, len(said_by))
    ease = np.clip(generator.normal(accuracy, 0.3, speakers), 0, 1)[said_by]
    known = generator.random(len(said_by)) < ease * (1 - np.exp(-seconds))
    places = generator.standard_normal((speakers, 24))[said_by]
    return HeardVoices(
        speakers=said_by,
        names=tuple(f"id{k:05d}" for k in range(10001, 10001 + speakers)),
        seconds=seconds,
        correct=known,
        embeddings=(places + generator.normal(0, 0.5, places.shape)).astype(np.float32)
        if embedded
        else None,
    )


def fake_curve(distance: float) -> Curve:
    """The DET curve of two Gaussians this many deviations apart."""
    generator = np.random.default_rng(4)
    labels = np.arange(6000) < 1000
    return det_curve(generator.standard_normal(6000) + distance * labels, labels)


def fake_speaker_run(
    rung: str = "medium",
    accuracy: float = 0.7,
    *,
    speakers: int = 240,
    embedded: bool = True,
    distance: float | None = 3.0,
) -> FakeRun:
    """A finished run of the speaker task; mistakes go to the next speaker, or to any.

    Args:
        distance: of the scores of one speaker's trials from the others; None: not verified.
    """
    voices = fake_voices(speakers, accuracy, embedded=embedded)
    generator = np.random.default_rng(6)
    true, count = voices.speakers, len(voices.speakers)
    near = (true + 1) % speakers
    other = np.where(
        generator.random(count) < 0.5, near, (true + generator.integers(1, speakers)) % speakers
    )
    test = ClassificationScores.of(
        tuple(f"test-{k:04d}" for k in range(count)),
        np.ones(count, np.int64),
        true,
        np.where(voices.correct, true, other),
        speakers,
        "utterances",
    )
    phonemes = fake_run(rung, test.score.value, utterances=2)
    return FakeRun(
        name=f"speaker-{rung}-voices-20260101",
        recipe=_recipe(f"speaker/{rung}", "speaker/simple").model_copy(
            update={"target": {"2023": 0.66025}}
        ),
        info=phonemes.info.model_copy(
            update={"corpus": "voices", "classes": voices.names, "per_second": 412.0}
        ),
        scores={"validation": test, "test": test},
        rows=phonemes.rows,
        picture=None,
        speaking=voices,
        curve=None if distance is None else fake_curve(distance),
    )


def fake_regression_run(
    rung: str = "simple", error: float = 1.0, *, rows: int = 80, epochs: int = 6, best: int = 5
) -> FakeRun:
    """A finished run of the covid task whose errors have a deviation of `error`."""
    drawn, mistakes = np.random.default_rng(7), np.random.default_rng(int(error * 1000))
    scores = {}
    for split in ("validation", "test"):
        true = drawn.normal(16, 7, rows)
        predicted = true + mistakes.normal(0, error, rows)
        ids = tuple(f"{split}/{k}" for k in range(rows))
        scores[split] = RegressionScores.of(ids, true, predicted)
    info = fake_run(utterances=2).info
    fallen = [error**2 * (1 + 300 * 0.2**epoch) for epoch in range(1, epochs + 1)]
    metrics: list[dict[str, Any]] = [
        {
            "kind": "epoch", "epoch": epoch, "step": 10 * epoch, "best": epoch <= best,
            "train_mse": mse * 0.9, "validation_mse": mse,
            "train_loss": mse * 0.9, "validation_loss": mse,
        }
        for epoch, mse in enumerate(fallen, 1)
    ]  # fmt: skip
    return FakeRun(
        name=f"covid-{rung}-survey-1",
        recipe=_recipe(f"covid/{rung}", "covid/simple"),
        info=info.model_copy(
            update={
                "corpus": "survey",
                "classes": (),
                "features": TableSpec(columns=("cli", "ili"), target="tested_positive"),
                "best_epoch": best,
            }
        ),
        scores=scores,
        rows=metrics,
        picture=None,
    )


def three_rungs() -> list[FakeRun]:
    return [
        fake_run("strong", 0.78, 0.74944),
        fake_run("simple", 0.52, 0.49798),
        fake_run("medium", 0.67, 0.66440),
    ]
