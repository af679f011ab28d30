"""A task that answers with strings of another length than its input, defined in this file alone.

CTC (Graves et al. 2006) over whole utterances: the string is the labels with repeats merged.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional

from bossline import api
from bossline.batches.padded import Padded
from bossline.batches.utterances import UtteranceConfig
from bossline.core.runtime import Runtime
from bossline.data.features.spec import Features
from bossline.data.packed import Corpus, Ints
from bossline.evaluation.intervals import mean_interval
from bossline.evaluation.scores import METRICS, Metric, Scores
from bossline.models.base import ModelConfig
from bossline.reports.page import write_report
from bossline.runs import engine
from bossline.runs.run import Run
from bossline.tasks import TASKS, register_task
from bossline.tasks.base import Answers, Kept, Pieces, Task
from bossline.tasks.lesson import Lesson
from bossline.tasks.prediction import Cells, Prediction
from bossline.tasks.recipe import Recipe
from bossline.training.contract import StepLoss, Validation

PER = Metric("ser", "symbol error rate", "SER", False)
QUIET = Console(quiet=True)


class ListenerConfig(ModelConfig):
    takes: ClassVar[str] = "utterances"
    kind: Literal["listener"] = "listener"
    width: int = 16

    def build(self, inputs: int, outputs: int, /, *more: Any) -> nn.Module:
        return nn.Sequential(
            nn.Linear(inputs, self.width), nn.Tanh(), nn.Linear(self.width, outputs)
        )


class StringRecipe(Recipe):
    task: Literal["strings"] = "strings"
    batches: UtteranceConfig = UtteranceConfig()
    augment: None = None
    model: ListenerConfig
    smoothing: None = None


def edits(one: Any, other: Any) -> int:
    """Levenshtein's distance, row by row."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        last, row[0] = row[0], i
        for j, b in enumerate(other, start=1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


@dataclass(frozen=True)
class StringPrediction(Prediction):
    columns = ("id", "phones")
    header = ("id", "phones")
    classes: tuple[str, ...]

    def rows(self, first: int) -> list[Cells]:
        return [(self.id, " ".join(self.classes[int(k)] for k in self.outputs))]

    def records(self) -> Iterator[Cells]:
        yield from self.rows(0)


class StringLesson(Lesson[StringRecipe]):
    def batch(self, epoch: int, step: int) -> tuple[Padded, Tensor]:
        inputs, indices = self.training.batch(self.recipe.seed, epoch, step)
        frames = np.concatenate([self.corpus.frame_labels(int(u)) for u in self.splits["train"]])
        labels = torch.from_numpy(frames.astype(np.int64))
        rows = torch.split(labels[indices], inputs.lengths.tolist())
        longest = inputs.frames.shape[1]
        return inputs, torch.stack(
            [functional.pad(row, (0, longest - len(row)), value=-1) for row in rows]
        )

    def loss(self, model: nn.Module, batch: tuple[Padded, Tensor]) -> StepLoss:
        inputs, labels = batch
        strings = [merged(row[row >= 0].tolist()) for row in labels]
        log = model(inputs.frames).log_softmax(2).transpose(0, 1)
        losses = functional.ctc_loss(
            log,
            torch.tensor([symbol + 1 for string in strings for symbol in string]),
            inputs.lengths,
            torch.tensor([len(string) for string in strings]),
            reduction="none",
        )
        told = greedy(log.transpose(0, 1), inputs.lengths)
        wrong = sum(edits(a, b) for a, b in zip(told, strings, strict=True))
        return StepLoss(losses.mean(), sum(map(len, strings)), torch.tensor(float(wrong)))


@dataclass
class Heard:
    """Batches for training, and the utterances one by one for answers."""

    batches: Any
    pieces: Pieces

    def __len__(self) -> int:
        return len(self.batches)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batches, name)


def merged(labels: Sequence[int]) -> list[int]:
    return [label for label, _ in groupby(labels)]


def greedy(log: Tensor, lengths: Tensor) -> list[list[int]]:
    best = [row[:n].tolist() for row, n in zip(log.argmax(2), lengths.tolist(), strict=True)]
    return [[symbol - 1 for symbol in merged(row) if symbol] for row in best]


class StringTask(Task[StringRecipe]):
    name = "strings"
    recipe = StringRecipe
    lesson = StringLesson
    unit = "phones"
    item = "utterance"
    metric = PER
    keeps: ClassVar = {"utterances": Kept(("U",), below="corpus"), "predicted": Kept(("N",), "C")}

    def count(self, corpus: Corpus, items: Ints) -> None:
        return None

    def truth(self, corpus: Corpus, items: Ints) -> Answers:
        return joined([merged(corpus.frame_labels(int(u)).tolist()) for u in items])

    def build(self, recipe: StringRecipe, features: Features, outputs: int) -> nn.Module:
        return recipe.model.build(features.dim, outputs + 1)  # the blank is 0

    def open(self, recipe: StringRecipe, pieces: Pieces, runtime: Runtime) -> Any:
        return Heard(recipe.batches.open(list(pieces), runtime.device), pieces)

    def answer(
        self, model: nn.Module, opened: Any, recipe: StringRecipe, runtime: Runtime
    ) -> Answers:
        alone = (torch.from_numpy(np.asarray(piece, np.float32))[None] for piece in opened.pieces)
        return joined([greedy(model(x), torch.tensor([x.shape[1]]))[0] for x in alone])

    def agree(self, members: Sequence[Answers]) -> Answers:
        return members[0]

    def judge(self, answers: Answers, truth: Answers) -> Validation:
        pairs = list(zip(answers.each(), truth.each(), strict=True))
        rate = float(sum(edits(a, b) for a, b in pairs) / truth.lengths.sum())
        return Validation(loss=rate, score=rate)

    def score(
        self, ids: Sequence[str], decided: Answers, truth: Answers, classes: Sequence[str]
    ) -> Scores:
        errors = [edits(a, b) for a, b in zip(decided.each(), truth.each(), strict=True)]
        return Scores(
            metric="ser",
            ids=tuple(ids),
            sums=tuple(map(float, errors)),
            lengths=tuple(map(int, truth.lengths)),
            unit=self.unit,
            score=mean_interval(errors, truth.lengths),
        )

    def predict(
        self, ids: Sequence[str], answers: Answers, decided: Answers, features: Features,
        classes: tuple[str, ...],
    ) -> list[StringPrediction]:  # fmt: skip
        return [
            StringPrediction(id, rows, classes)
            for id, rows in zip(ids, decided.each(), strict=True)
        ]


def joined(strings: Sequence[Sequence[int]]) -> Answers:
    rows = np.array([symbol for string in strings for symbol in string], np.int64)
    return Answers.of(rows, np.array([len(string) for string in strings]))


RECIPE = """
task: strings
epochs: 20
precision: float32
batches: {kind: utterances, size: 200}
model: {kind: listener, width: WIDTH}
optimiser: {kind: adam, lr: 2e-2}
"""


@pytest.fixture
def strings(toy: Corpus) -> Iterator[Corpus]:
    register_task(StringTask())
    Path("small.yaml").write_text(RECIPE.replace("WIDTH", "2"))
    Path("large.yaml").write_text(RECIPE.replace("WIDTH", "24"))
    yield toy
    del TASKS["strings"], METRICS["ser"]


def test_it_trains_scores_reports_predicts_and_submits(strings: Corpus) -> None:
    runs = [
        api.train(f"{name}.yaml", "toy", run=f"runs/{name}", device="cpu", console=QUIET)
        for name in ("small", "large")
    ]
    test = runs[1].scores["test"]
    assert test.score.value < 0.5 < 1.0
    assert test.score.low <= test.score.value <= test.score.high
    assert test.score.value < runs[0].scores["test"].score.value
    page = write_report(runs, Path("report.html")).read_text()
    assert "symbol error rate" in page
    prediction, *_ = api.predict(runs[1], "test")
    assert prediction.id == test.ids[0]
    assert len(prediction.outputs) < strings.lengths[strings.ids.index(prediction.id)]
    assert api.submit(runs[1], "strings.csv") == 4
    with Path("strings.csv").open() as stream:
        header, *rows = csv.reader(stream)
    assert header == ["id", "phones"]
    assert {word for _, phones in rows for word in phones.split()} <= set(strings.header.classes)
    assert api.evaluate("runs/large")["test"] == test


def test_resuming_is_exact(strings: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = api.train("large.yaml", "toy", run="runs/whole", device="cpu", console=QUIET)

    def stop(epoch: int, score: float) -> None:
        if epoch == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.train("large.yaml", "toy", run="runs/cut", device="cpu", console=QUIET, watch=stop)
    cut = engine.resume("runs/cut", console=QUIET)
    assert cut.best_weights.read_bytes() == whole.best_weights.read_bytes()
    assert Run("runs/cut").scores == whole.scores
