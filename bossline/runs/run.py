"""A run is a folder: recipe, environment, metrics, newest checkpoint, best weights, scores.

| file                   | what                                                              |
| ---------------------- | ----------------------------------------------------------------- |
| recipe.yaml            | the resolved recipe; training from it repeats the run              |
| run.json               | corpus, features, classes, environment, state                     |
| metrics.jsonl, log.txt | the training, record by record; the same for people               |
| tensorboard/           | the same for TensorBoard, where it is installed                    |
| checkpoint.pt          | all that resuming needs; gone when the run is finished             |
| best.safetensors       | weights of the epoch with the best validation score; of the last  |
|                        | epoch where nothing validates, or keep=last (run.json: kept)      |
| weights-STEP.safetensors | of keep_every: weights after so many steps                      |
| scores.json            | validation and test scores of the best weights                    |
| predictions.safetensors | test predictions, frame by frame; what the report's pictures need |
| smoothing.safetensors  | what a smoother has learnt from the training labels               |
| alignment.safetensors  | of `align`: how long phones last, and by how much edges are late   |
| phones.arpa.gz         | the n-grams of training strings that a search asks for            |
| verification.json      | error rates on the last trial list                                |
| threshold.json         | of `calibrate`: from which score on two voices are one            |
| gallery.safetensors    | of `enroll`: the voices that `identify` knows                     |
| cohort.safetensors     | mean voices of the training speakers, for AS-norm                 |
| det.safetensors        | of verification: false accepts and false rejects, normal deviates |
| report.html            | written by 'bossline report'                                      |
| diagnosis.html         | written by 'bossline diagnose'                                    |
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError
from safetensors.numpy import save

from bossline.core.errors import UserError
from bossline.core.files import creating_folder, write_json
from bossline.core.html import html_facts
from bossline.core.language import speaking, term, tr
from bossline.core.progress import duration
from bossline.core.reading import read_bytes
from bossline.data.editions import edition_of
from bossline.data.features.spec import Features
from bossline.data.packed import Corpus
from bossline.data.store import open_corpus
from bossline.evaluation.scores import Metric, Scores, split_words
from bossline.recipes.loading import save_recipe
from bossline.recipes.naming import full_name
from bossline.runs.files import RunFiles, digest_of
from bossline.runs.folders import RUNS, is_free
from bossline.runs.info import RunInfo, write_info
from bossline.runs.kept import misfit
from bossline.tasks import task_of
from bossline.tasks.base import Arrays, Task
from bossline.tasks.recipe import Recipe
from bossline.training.contents import (
    INFO,
    METRICS,
    PREDICTIONS,
    RECIPE,
    SCORES,
    SMOOTHING,
    WEIGHTS,
)
from bossline.training.metrics import read_records


class Run(RunFiles):
    """An open run folder."""

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}: {self.label} on {self.corpus_name}, {self.standing})"

    @speaking()
    def _repr_html_(self) -> str:
        info = self.info
        scores: dict[str, object]
        try:
            measure = term(self.metric.words)
            scores = {
                tr("{name}, {lacking}", name=measure, lacking=split_words(split)): scores.score
                for split, scores in self.scores.items()
            }
        except UserError as error:
            scores = {tr("scores"): error}
        return html_facts(
            str(self.path),
            {
                tr("recipe"): self.label,
                tr("corpus"): tr(", ").join([self.corpus_name, self.features.describe()]),
                tr("state"): term(info.state),
                **scores,
                tr("parameters"): f"{info.parameters:,}",
                tr("best epoch"): info.best_epoch or "",
                tr("training time"): "" if info.seconds is None else f"{duration(info.seconds)}",
                tr("device"): info.hardware,
            },
        )

    @property
    def standing(self) -> str:
        """How far it is, in a few words."""
        try:
            test = self.scores.get("test")
        except UserError:
            return "damaged"
        return "not scored yet" if test is None else f"test {self.metric.words} {test.score}"

    @classmethod
    def of(cls, run: str | Path | Run) -> Run:
        """The run itself, or that of a folder.

        Raises:
            UserError: no run there, or its files are damaged.
        """
        return run if isinstance(run, Run) else cls(run)

    @classmethod
    def create(cls, path: Path, recipe: Recipe, info: RunInfo) -> Run:
        """Start a run folder: it is there as a whole, or not at all.

        Raises:
            UserError: the folder is taken or cannot be written.
        """
        if not is_free(path):
            what = "resume it" if (path / RECIPE).exists() else f"move it away: it has no {RECIPE}"
            raise UserError(f"{path} exists: choose another folder, or {what}")
        with creating_folder(path) as folder:
            save_recipe(recipe, folder / RECIPE)
            known = {RECIPE: (digest_of(read_bytes(folder / RECIPE)),)}
            write_info(folder / INFO, info.model_copy(update={"sha256": known}))
            if path.exists() and is_free(path):
                shutil.rmtree(path)
        return cls(path)

    @classmethod
    def create_next(cls, recipe: Recipe, info: RunInfo) -> Run:
        """`create` runs/phoneme-strong-libriphone-1, or the first number that nobody has taken.

        Raises:
            UserError: the folder cannot be written.
        """
        stem, number = f"{recipe.name.replace('/', '-')}-{Path(info.corpus).name}", 0
        while True:
            number += 1
            if (path := RUNS / f"{stem}-{number}").exists():
                continue
            try:
                return cls.create(path, recipe, info)
            except UserError:
                if is_free(path):  # else another process was faster
                    raise

    @property
    def task(self) -> Task[Any]:
        """What it was trained for."""
        return task_of(self.recipe)

    @property
    def label(self) -> str:
        """Its recipe's name, with what was changed in it."""
        return full_name(self.recipe)

    @property
    def target(self) -> Target | None:
        """What its score is held against: none where none compares with one on this corpus."""
        if not self.task.compares or (score := self.recipe.target.get(self._edition)) is None:
            return None
        return Target(self._edition, score)

    @property
    def lacks_target(self) -> bool:
        """Whether the scores that were published for its rung are of other corpora."""
        return bool(self.recipe.target) and self.task.compares and self.target is None

    @cached_property
    def _edition(self) -> str:
        """Of a run of an earlier version the corpus tells, if it is still the same."""
        if self.info.edition is not None:
            return self.info.edition
        with suppress(UserError):
            return edition_of(self.corpus())
        return ""

    @property
    def metric(self) -> Metric:
        """What its scores are."""
        return self.task.metric

    @property
    def features(self) -> Features:
        """What it was trained on."""
        return self.info.features

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of what it answers with; none where that is a value."""
        return self.info.classes

    @property
    def corpus_name(self) -> str:
        """As it was called when the training began."""
        return self.info.corpus

    @property
    def corpus_key(self) -> str:
        """Names the corpus' content."""
        return self.info.corpus_key

    @property
    def is_finished(self) -> bool:
        """Whether it is trained and scored."""
        return self.info.state == "finished"

    @property
    def is_trained(self) -> bool:
        """Whether its training has ended, scored or not."""
        return self.info.seconds is not None

    def begin_again(self) -> None:
        """Forget that the training ended once, where it did: its records change from here on."""
        if self.is_trained:
            known = {name: sha for name, sha in self.info.sha256.items() if name != METRICS}
            self.update(seconds=None, sha256=known)

    def end_training(
        self,
        seconds: float,
        rate: float | None,
        best_epoch: int | None = None,
        metrics_sha256: str | None = None,
    ) -> None:
        """Keep how long the training took, and how many frames, images or the like a second.

        Args:
            best_epoch: 1-based; None of a model that has no epochs, or where the last is kept.
            metrics_sha256: of metrics.jsonl, where there is one.
        """
        known = {} if metrics_sha256 is None else {METRICS: (metrics_sha256,)}
        chosen = "best epoch" if best_epoch else "last epoch"
        self.update(
            seconds=round(seconds, 1),
            per_second=rate,
            best_epoch=best_epoch,
            kept="fitted" if metrics_sha256 is None else chosen,
            sha256=self.info.sha256 | known,
        )

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.pt"

    @property
    def best_weights(self) -> Path:
        return self.path / WEIGHTS

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
        """The records of metrics.jsonl; a last line that a crash cut short is left out.

        Raises:
            UserError: the file is damaged.
        """
        try:
            return read_records(self.read(METRICS), self.metric)
        except FileNotFoundError:
            return []
        except ValueError as error:
            raise self.damaged(METRICS, str(error)) from error

    @cached_property
    def scores(self) -> dict[str, Scores]:
        """Scores of "validation", where there is one, and "test"; empty before it is finished.

        Where a smoother decides, "validation, unsmoothed" and "test, unsmoothed" stand beside them,
        where views are averaged "validation, one view" and "test, one view".

        Raises:
            UserError: the file is damaged.
        """
        try:
            content = self.read(SCORES)
        except FileNotFoundError as error:
            if self.info.state == "finished":
                raise self.damaged(SCORES, "it is missing") from error
            return {}
        try:
            adapter = TypeAdapter(dict[str, self.task.scores])  # type: ignore[name-defined]
            scores: dict[str, Scores] = dict(adapter.validate_json(content))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "content"
            raise self.damaged(SCORES, f"{where}: {first['msg'].lower()}") from error
        held_out = self.recipe.split.held_out
        if not scores.keys() >= set(held_out):
            raise self.damaged(SCORES, f"{' or '.join(held_out)} is missing")
        for name, found in scores.items():
            split, _, lacking = name.partition(", ")
            if split not in held_out or lacking not in ("", *self.task.beside):
                raise self.damaged(SCORES, f"'{name}' is no split")
            if found.metric != self.metric.name:
                raise self.damaged(SCORES, f"{name}: {found.metric} of the task {self.recipe.task}")
            if (why := found.misfit(len(self.info.classes))) is not None:
                raise self.damaged(SCORES, f"{name}: {why}")
        return scores

    def write_scores(self, scores: dict[str, Scores]) -> None:
        with self.replacing(SCORES) as temporary:
            save_scores(scores, temporary)
        self.__dict__.pop("scores", None)

    def write_smoothing(self, tables: dict[str, npt.NDArray[np.float64]]) -> None:
        """Keep what the recipe's smoother has learnt."""
        self.write(SMOOTHING, save(tables))

    def keep(self, arrays: Arrays) -> None:
        """Keep test predictions, as the task has them."""
        self.write(PREDICTIONS, save(arrays))

    def predictions(self) -> Arrays | None:
        """What `keep` kept; None before scoring.

        Raises:
            UserError: damaged, or it does not fit the run.
        """
        return self._kept({})

    def at_hand(self, *wanted: str) -> tuple[Arrays, Corpus] | None:
        """Predictions and corpus; None before scoring, where the predictions lack what is wanted,
        or without the corpus: a report does without what it would show of them.

        Raises:
            UserError: the predictions are damaged.
        """
        try:
            corpus = self.corpus()
        except UserError:
            return None
        arrays = self._kept({"corpus": len(corpus)})
        return None if arrays is None or not arrays.keys() >= set(wanted) else (arrays, corpus)

    def _kept(self, more: Mapping[str, int]) -> Arrays | None:
        if (arrays := self.tensors(PREDICTIONS)) is None:
            return None
        known = {"C": len(self.classes), "D": self.features.dim, **more}
        if (why := misfit(arrays, self.task.keeps, known)) is not None:
            raise self.damaged(PREDICTIONS, why)
        return arrays


@dataclass(frozen=True)
class Target:
    """The score that a rung is held against: one that was made on the same data.

    Attributes:
        edition: of the homework, or `editions.SYNTHETIC`.
    """

    edition: str
    score: float


def save_scores(scores: Mapping[str, Scores], path: Path) -> None:
    """Write what `Run.scores` reads."""
    write_json(
        path,
        {split: value.model_dump(mode="json", by_alias=True) for split, value in scores.items()},
    )
