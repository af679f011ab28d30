"""A run is a folder: recipe, environment, metrics, newest checkpoint, best weights, scores.

| file                   | what                                                              |
| ---------------------- | ----------------------------------------------------------------- |
| recipe.yaml            | the resolved recipe; training from it repeats the run              |
| run.json               | corpus, features, classes, environment, state                     |
| metrics.jsonl, log.txt | the training, record by record; the same for people               |
| tensorboard/           | the same for TensorBoard, where it is installed                    |
| checkpoint.pt          | all that resuming needs; gone when the run is finished             |
| best.safetensors       | weights of the epoch with the best validation score               |
| scores.json            | validation and test scores of the best weights                    |
| predictions.safetensors | test predictions, frame by frame; what the report's pictures need |
| smoothing.safetensors  | what a smoother has learnt from the training labels               |
| verification.json      | error rates on the last trial list                                |
| threshold.json         | of `calibrate`: from which score on two voices are one            |
| gallery.safetensors    | of `enroll`: the voices that `identify` knows                     |
| cohort.safetensors     | mean voices of the training speakers, for AS-norm                 |
| det.safetensors        | of verification: false accepts and false rejects, normal deviates |
| report.html            | written by 'bossline report'                                      |
| diagnosis.html         | written by 'bossline diagnose'                                    |
"""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from filelock import FileLock, Timeout
from pydantic import Field, TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from bossline.config import Config
from bossline.corpora.packed import Corpus, Ints
from bossline.corpora.store import open_corpus
from bossline.errors import UserError, did_you_mean
from bossline.evaluation.classification import ClassificationScores
from bossline.evaluation.metric import Metric
from bossline.evaluation.regression import RegressionScores
from bossline.evaluation.scores import Scores
from bossline.features.spec import Features, TableSpec
from bossline.files import read_json, replacing, write_json
from bossline.recipes.catalogue import read_yaml
from bossline.recipes.loading import check_recipe, save_recipe
from bossline.recipes.schema import Recipe
from bossline.runtime import Runtime
from bossline.tasks import metric_of
from bossline.version import __version__

RUNS = Path("runs")
_AnyScores = Annotated[ClassificationScores | RegressionScores, Field(discriminator="metric")]
_SCORES = TypeAdapter(dict[str, _AnyScores])
EXAMPLE_SECONDS = 4.0  # what fits into one picture


class RunInfo(Config):
    """What a run was made with, and how far it is."""

    state: Literal["training", "finished"] = "training"
    corpus: str = Field(description="name or folder, as given")
    corpus_key: str = Field(description="names the corpus' content")
    corpus_note: str = ""
    features: Features
    classes: tuple[str, ...]
    parameters: int
    device: str = Field(description="as torch names it; resuming stays on it")
    threads: int
    hardware: str = Field(description="device, threads and precision in words")
    version: str = __version__
    torch: str = torch.__version__
    python: str = platform.python_version()
    commit: str | None = None
    started: str
    seconds: float | None = Field(None, description="training time, interruptions left out")
    per_second: float | None = Field(None, description="training frames, or utterances, a second")
    best_epoch: int | None = None


@dataclass(frozen=True)
class Example:
    """One utterance of the test split with what the model made of it."""

    id: str
    features: npt.NDArray[np.float32]  # (T, D)
    true: npt.NDArray[np.int64]  # (T,)
    posteriors: npt.NDArray[np.float32]  # (T, C)
    predicted: npt.NDArray[np.int64]  # (T,) the smoothed path, or the most probable classes
    smoothed: bool
    frames_per_second: float


@dataclass(frozen=True)
class Voices:
    """The test utterances of a speaker run: who speaks, how long, and what the model heard."""

    speakers: npt.NDArray[np.int64]  # (U,) index into `names`
    names: tuple[str, ...]
    seconds: npt.NDArray[np.float64]  # (U,)
    correct: npt.NDArray[np.bool_]  # (U,)
    embeddings: npt.NDArray[np.float32] | None  # (U, D); None where they were not kept


@dataclass(frozen=True)
class Images:
    """The test images of a run, what they show, and what the model made of them."""

    pixels: Sequence[npt.NDArray[np.uint8]]  # (U,) of (H, W, 3) each
    true: npt.NDArray[np.int64]  # (U,)
    predicted: npt.NDArray[np.int64]  # (U,)
    confidence: npt.NDArray[np.float32]  # (U,) the probability of the class that was predicted
    mapped: npt.NDArray[np.int64]  # (K,) places of those that have a map
    maps: npt.NDArray[np.float32]  # (K, n, n) as `occlusion_map` gives them


@dataclass(frozen=True)
class ColumnsRead:
    """Which columns of a table a model reads: weights of a linear one, importances of others."""

    names: tuple[str, ...]
    weights: npt.NDArray[np.float64] | None  # (D,) in standard units
    importances: npt.NDArray[np.float64] | None  # (R, D) as `permutation_importance` gives them


class Run:
    """An open run folder."""

    def __init__(self, path: str | Path) -> None:
        """
        Raises:
            UserError: no run there (with the nearest name), or its files are damaged.
        """
        self.path = _find(Path(path))
        self.name = self.path.resolve().name
        content = read_yaml(self.path / "recipe.yaml")
        self.recipe: Recipe = check_recipe(content, where=str(self.path / "recipe.yaml"))
        try:
            self.info = RunInfo.model_validate(read_json(self.path / "run.json"))
        except ValidationError as error:
            raise UserError(f"{self.path / 'run.json'} is damaged: {error.errors()[0]}") from error

    @classmethod
    def of(cls, run: str | Path | Run) -> Run:
        """The run itself, or that of a folder.

        Raises:
            UserError: no run there, or its files are damaged.
        """
        return run if isinstance(run, Run) else cls(run)

    @classmethod
    def create(cls, path: Path, recipe: Recipe, info: RunInfo) -> Run:
        """Start a run folder.

        Raises:
            UserError: the folder is taken or cannot be written.
        """
        try:
            path.mkdir(parents=True)
        except FileExistsError as error:
            raise UserError(f"{path} exists: choose another folder, or resume it") from error
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}") from error
        write_json(path / "run.json", info.model_dump(mode="json"))
        save_recipe(recipe, path / "recipe.yaml")
        return cls(path)

    def update(self, **changes: Any) -> None:
        """Change fields of run.json."""
        self.info = self.info.model_copy(update=changes)
        write_json(self.path / "run.json", self.info.model_dump(mode="json"))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training or scoring in this folder.

        Raises:
            UserError: another process does.
        """
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            with lock:
                yield
        except Timeout as error:
            raise UserError(
                f"{self.path} is in use by another process: wait for it, or stop it first"
            ) from error

    @property
    def metric(self) -> Metric:
        """What its scores are."""
        return metric_of(self.recipe)

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.pt"

    @property
    def best_weights(self) -> Path:
        return self.path / "best.safetensors"

    def corpus(self) -> Corpus:
        """The corpus that the run was trained on.

        Raises:
            UserError: it is gone, or its content has changed.
        """
        corpus = open_corpus(self.info.corpus, verified=True)
        if corpus.key != self.info.corpus_key:
            raise UserError(
                f"corpus '{self.info.corpus}' is not the one that {self.path} was trained on: "
                "its content has changed since"
            )
        return corpus

    def metrics(self) -> list[dict[str, Any]]:
        """The records of metrics.jsonl; a last line that a crash cut short is left out."""
        path = self.path / "metrics.jsonl"
        if not path.is_file():
            return []
        records = []
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError:
                break
        return records

    @cached_property
    def scores(self) -> dict[str, Scores]:
        """Scores of "validation" and "test"; empty before the run is finished.

        Where a smoother decides, "validation, unsmoothed" and "test, unsmoothed" stand beside them,
        where views are averaged "validation, one view" and "test, one view".
        """
        path = self.path / "scores.json"
        if not path.is_file():
            return {}
        try:
            return dict(_SCORES.validate_python(read_json(path)))
        except ValidationError as error:
            raise UserError(f"{path} is damaged: run 'bossline evaluate {self.path}'") from error

    def write_scores(self, scores: dict[str, Scores]) -> None:
        write_json(
            self.path / "scores.json",
            {split: value.model_dump(mode="json") for split, value in scores.items()},
        )
        self.__dict__.pop("scores", None)

    def write_smoothing(self, tables: dict[str, npt.NDArray[np.float64]]) -> None:
        with replacing(self.path / "smoothing.safetensors") as temporary:
            save_file(tables, temporary)

    def smoothing_tables(self) -> dict[str, npt.NDArray[np.float64]]:
        """What the recipe's smoother has learnt.

        Raises:
            UserError: the run is not finished, or the file is damaged.
        """
        path = self.path / "smoothing.safetensors"
        try:
            return load_file(path)
        except (OSError, SafetensorError) as error:
            raise UserError(
                f"{path} is missing or damaged: run 'bossline evaluate {self.path}'"
            ) from error

    def write_predictions(
        self,
        utterances: Ints,
        outputs: npt.NDArray[np.float32],
        predicted: npt.NDArray[Any],
        embeddings: npt.NDArray[np.float32] | None = None,
        attributions: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> None:
        """Keep test predictions; of frames also the posteriors of the utterance in the report.

        Args:
            utterances: (U,) index into the corpus.
            outputs: (N, C) probabilities or (N,) values, end to end.
            predicted: (N,) classes or values.
            embeddings: (U, D), where the model has any.
            attributions: what the outputs hang on, as the task found it.
        """
        arrays: dict[str, npt.NDArray[Any]] = {"utterances": utterances, "predicted": predicted}
        arrays |= attributions or {}
        if outputs.ndim == 2:
            confidence = np.take_along_axis(outputs, predicted[:, None], axis=1)[:, 0]
            arrays["predicted"] = predicted.astype(np.int16)
            arrays["confidence"] = confidence.astype(np.float16)
        if embeddings is not None:
            arrays["embeddings"] = embeddings.astype(np.float16)
        if self.recipe.task == "phoneme":
            corpus = self.corpus()
            lengths = corpus.lengths[utterances]
            rate = corpus.speech.frames_per_second
            shown = int(np.abs(lengths - EXAMPLE_SECONDS * rate).argmin())
            frames = slice(start := int(lengths[:shown].sum()), start + int(lengths[shown]))
            arrays |= {
                "example": utterances[shown : shown + 1],
                "example_predicted": predicted[frames].astype(np.int16),
                "example_posteriors": outputs[frames].astype(np.float16),
            }
        with replacing(self.path / "predictions.safetensors") as temporary:
            save_file(arrays, temporary)

    def _predictions(self, *wanted: str) -> dict[str, npt.NDArray[Any]] | None:
        """What `write_predictions` kept; None before scoring, or where it lacks what is wanted."""
        try:
            arrays = load_file(self.path / "predictions.safetensors")
        except (OSError, SafetensorError):
            return None
        return arrays if arrays.keys() >= set(wanted) else None

    def _corpus_at_hand(self) -> Corpus | None:
        """The corpus; None where it is gone: a report does without what it would show of it."""
        try:
            return self.corpus()
        except UserError:
            return None

    def example(self) -> Example | None:
        """The first test utterance of a length that a picture can show; None before scoring."""
        arrays = self._predictions("example")
        if arrays is None or (corpus := self._corpus_at_hand()) is None:
            return None
        utterance = int(arrays["example"][0])
        return Example(
            id=corpus.ids[utterance],
            features=corpus.frames(utterance).astype(np.float32),
            true=corpus.frame_labels(utterance).astype(np.int64),
            posteriors=arrays["example_posteriors"].astype(np.float32),
            predicted=arrays["example_predicted"].astype(np.int64),
            smoothed=self.recipe.smoothing is not None,
            frames_per_second=corpus.speech.frames_per_second,
        )

    def voices(self) -> Voices | None:
        """The test utterances of a speaker run; None before scoring and without the corpus."""
        if self.recipe.task != "speaker":
            return None
        arrays = self._predictions("utterances", "predicted")
        if arrays is None or (corpus := self._corpus_at_hand()) is None:
            return None
        utterances, predicted = arrays["utterances"], arrays["predicted"]
        speakers = corpus.speakers[utterances].astype(np.int64)
        kept = arrays.get("embeddings")
        return Voices(
            speakers=speakers,
            names=self.info.classes,
            seconds=corpus.lengths[utterances] / corpus.speech.frames_per_second,
            correct=predicted == speakers,
            embeddings=None if kept is None else kept.astype(np.float32),
        )

    def images(self) -> Images | None:
        """The test images of an image run; None before scoring and without the corpus."""
        arrays = self._predictions("utterances", "mapped")
        if arrays is None or (corpus := self._corpus_at_hand()) is None:
            return None
        utterances = arrays["utterances"]
        return Images(
            pixels=[corpus.image(int(u)) for u in utterances],
            true=corpus.categories[utterances].astype(np.int64),
            predicted=arrays["predicted"].astype(np.int64),
            confidence=arrays["confidence"].astype(np.float32),
            mapped=arrays["mapped"],
            maps=arrays["occlusion"].astype(np.float32),
        )

    def columns_read(self) -> ColumnsRead | None:
        """Which columns the model of a table's run reads; None before scoring."""
        features = self.info.features
        if not isinstance(features, TableSpec):
            return None
        arrays = self._predictions() or {}
        found = ColumnsRead(features.columns, arrays.get("weights"), arrays.get("importances"))
        return None if found.weights is None and found.importances is None else found

    def write_det(self, accepts: npt.NDArray[np.float64], rejects: npt.NDArray[np.float64]) -> None:
        with replacing(self.path / "det.safetensors") as temporary:
            save_file({"false_accepts": accepts, "false_rejects": rejects}, temporary)

    def det(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
        """The run's DET curve: false accepts and false rejects (K,), as `det_curve` gives them.

        None where the run was not asked to verify speakers.
        """
        try:
            arrays = load_file(self.path / "det.safetensors")
            accepts, rejects = arrays["false_accepts"], arrays["false_rejects"]
        except (OSError, SafetensorError, KeyError):
            return None
        return accepts.astype(np.float64), rejects.astype(np.float64)


def target_of(recipe: Recipe) -> tuple[str, float] | None:
    """Edition and published score of a rung: of 2023 if there is one, else of the newest.

    None of a table's recipe: its published errors are those of other rows, and an error depends on
    its rows so much that a held-out part of the training rows neither passes nor misses them.
    """
    if not recipe.target or recipe.task == "covid":
        return None
    edition = "2023" if "2023" in recipe.target else max(recipe.target)
    return edition, recipe.target[edition]


def new_run_path(recipe: Recipe, corpus: str) -> Path:
    """runs/phoneme-strong-libriphone-1, or the first number that is free."""
    stem = f"{recipe.name.replace('/', '-')}-{Path(corpus).name}"
    number = 1
    while (path := RUNS / f"{stem}-{number}").exists():
        number += 1
    return path


def start_info(
    corpus_name: str,
    corpus: Corpus,
    classes: tuple[str, ...],
    recipe: Recipe,
    parameters: int,
    runtime: Runtime,
) -> RunInfo:
    """The environment of a run that begins now."""
    return RunInfo(
        corpus=corpus_name,
        corpus_key=corpus.key,
        corpus_note=corpus.header.note,
        features=corpus.header.features,
        classes=classes,
        parameters=parameters,
        device=str(runtime.device),
        threads=runtime.threads,
        hardware=runtime.describe(recipe.precision),
        commit=_commit(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _commit() -> str | None:
    """The commit of a source checkout of bossline; None for an installed package."""
    package = Path(__file__).resolve().parents[1]
    if not (package.parent / ".git").exists():
        return None
    command = ["git", "-C", str(package), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _find(path: Path) -> Path:
    if (path / "run.json").is_file():
        return path
    if (RUNS / path / "run.json").is_file():
        return RUNS / path
    parent = path.parent if path.parent.is_dir() else RUNS
    here = [str(found.parent) for found in parent.glob("*/run.json")]
    raise UserError(f"no run in {path}: {did_you_mean(str(path), here)}")
