"""What every task answers to, on whatever corpus; a recipe on a corpus is a lesson (lesson.py)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bossline.batches.base import BatchConfig
from bossline.core.errors import UserError
from bossline.core.language import term, tr
from bossline.core.memory import bounded_weights
from bossline.core.runtime import Runtime
from bossline.data.features.spec import Features
from bossline.data.packed import Corpus, Ints
from bossline.evaluation.scores import Metric, Scores
from bossline.models.base import evaluating
from bossline.tasks.prediction import Prediction
from bossline.tasks.recipe import Recipe
from bossline.training.contract import Validation

if TYPE_CHECKING:
    from bossline.figures.picture import Picture
    from bossline.tasks.lesson import Lesson

Pieces = Sequence[npt.NDArray[Any]]
Arrays = dict[str, npt.NDArray[Any]]
R = TypeVar("R", bound=Recipe)


@dataclass(frozen=True)
class Answers:
    """What a model answers to U items, or what is true of them; items end to end.

    Attributes:
        rows: (N, C) class probabilities, (N,) classes, values or symbols, or whatever else a task
            judges.
        lengths: (U,) rows of each item; they need not be as many as its frames.
    """

    rows: Tensor
    lengths: Ints

    @classmethod
    def of(cls, rows: npt.NDArray[Any], lengths: npt.NDArray[Any] | None = None) -> Answers:
        """
        Args:
            lengths: None where every item has one row.
        """
        each = np.ones(len(rows)) if lengths is None else lengths
        return cls(torch.from_numpy(rows), each.astype(np.int64))

    @property
    def array(self) -> npt.NDArray[Any]:
        """The rows, for programs."""
        return np.asarray(self.rows.cpu().numpy())

    def each(self) -> list[npt.NDArray[Any]]:
        """(U,) rows of every item."""
        return np.split(self.array, np.cumsum(self.lengths)[:-1])

    def to(self, device: torch.device) -> Answers:
        return Answers(self.rows.to(device), self.lengths)


class Predictor(Protocol):
    """What a score is asked of: a trained model, or several."""

    def answers(self, pieces: Pieces, batches: BatchConfig | None = None) -> Answers:
        """Of utterances (T, D) each, or images, or rows.

        Args:
            batches: in place of the recipe's.
        """


class Smoother(Protocol):
    """Turns posteriors of frames into a path of classes, every utterance alone."""

    def path(self, probabilities: npt.NDArray[np.float32], lengths: Ints) -> Ints:
        """The class of each frame, (N,).

        Args:
            probabilities: (N, C) class posteriors, utterances end to end.
            lengths: (U,) frames of each utterance, at least 1; they add up to N.
        """

    def tables(self) -> dict[str, npt.NDArray[np.float64]]:
        """What was estimated from labels; the config's `restore` takes it back."""


@dataclass(frozen=True)
class Scored:
    """Answers for one split, with what they are worth."""

    scores: Scores
    answers: Answers
    decided: Answers  # the classes, values or strings that were scored
    items: Ints  # (U,) index into the corpus
    beside: Mapping[str, Scores] = field(default_factory=dict)
    """Scores of the same answers left alone, by what they lack: "unsmoothed"."""


class OpenRun(Protocol):
    """A run, as far as a task's pictures and its own verbs ask."""

    path: Path
    recipe: Any

    @property
    def task(self) -> Task[Any]: ...

    @property
    def features(self) -> Features: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def corpus_name(self) -> str: ...

    @property
    def corpus_key(self) -> str: ...

    @property
    def is_finished(self) -> bool: ...

    @property
    def scores(self) -> Mapping[str, Scores]: ...

    def corpus(self) -> Corpus:
        """The corpus that it was trained on; a UserError where it is gone or has changed."""

    def predictions(self) -> Arrays | None:
        """What it kept of its test split; None before scoring."""

    def at_hand(self, *wanted: str) -> tuple[Arrays, Corpus] | None:
        """The same and the corpus; None where either is lacking, or one of the wanted arrays."""

    def locked(self) -> AbstractContextManager[None]:
        """Keep other processes from training or scoring in its folder."""

    def read(self, name: str) -> bytes:
        """The content of a file of it; FileNotFoundError, or a UserError where it is damaged."""

    def write(self, name: str, content: bytes) -> None:
        """Replace a file of it."""

    def replacing(self, name: str) -> AbstractContextManager[Path]:
        """The same of a file that the block writes to the path it gets."""

    def tensors(self, name: str) -> Arrays | None:
        """The arrays of a file; None where it is not there."""

    def damaged(self, name: str, why: str) -> UserError:
        """The error of a file that cannot be used, with what to do about it."""


@dataclass(frozen=True)
class Kept:
    """An array that a run keeps of its test split, for the report.

    Attributes:
        axes: their lengths: a number, or a letter that is the same wherever it stands; C are the
            classes, D the features' dimensions, U the items of the split.
        below: of indices: the letter that they stay below; None: the array holds values.
    """

    axes: tuple[str | int, ...]
    below: str | None = None


class Task(ABC, Generic[R]):
    """One question that is put to corpora. It has no state: one object serves all runs.

    Attributes:
        name: as recipes call it.
        recipe: what its recipes may say.
        lesson: what a recipe makes of a corpus.
        unit: what is scored.
        item: what a corpus for this task holds, as its features call it.
        wants: what a corpus lacks that has no labels for this task, as in "no labels".
        metric: what a score is.
        scores: how they are kept.
        named: whether its answers are among classes that have names.
        classes_are: what its classes are called.
        compares: whether published scores compare with those on a held-out part.
        beside: what scores may stand beside those that count, by what they lack, and what made the
            difference.
        keeps: what a run keeps of its test split.
    """

    name: ClassVar[str]
    recipe: type[R]
    lesson: type[Lesson[R]]
    unit: ClassVar[str]
    item: ClassVar[str]
    wants: ClassVar[str] = "no labels"
    metric: ClassVar[Metric]
    scores: ClassVar[type[Scores]] = Scores
    named: ClassVar[bool] = True
    classes_are: ClassVar[str] = "classes"
    compares: ClassVar[bool] = True
    beside: ClassVar[Mapping[str, str]] = {}
    keeps: ClassVar[Mapping[str, Kept]] = {"utterances": Kept(("U",), below="corpus")}

    def check(self, corpus: Corpus) -> None:
        """
        Raises:
            UserError: a corpus of other things, or without labels.
        """
        if (item := corpus.header.features.item) != self.item:
            raise UserError(
                f"corpus '{corpus.name}' holds {item}s, and the recipe is for {self.item}s: "
                "choose a recipe of another task (bossline tasks), or another corpus "
                "(bossline corpus)"
            )
        if not self.labelled(corpus).any():
            raise UserError(
                f"corpus '{corpus.name}' has {self.wants}: nothing to train on or score against"
            )

    def labelled(self, corpus: Corpus) -> npt.NDArray[np.bool_]:
        """(U,) True where an item can be learnt from."""
        return corpus.labelled

    def classes(self, corpus: Corpus) -> tuple[str, ...]:
        """None where values are predicted."""
        return corpus.header.classes

    def pieces(self, corpus: Corpus, items: Ints) -> list[npt.NDArray[Any]]:
        """Features of items, (T, D) each, as views of the corpus."""
        return [corpus.frames(int(u)) for u in items]

    def count(self, corpus: Corpus, items: Ints) -> int | None:
        """What is answered for items: one each; None where nobody knows beforehand."""
        return len(items)

    @abstractmethod
    def truth(self, corpus: Corpus, items: Ints) -> Answers:
        """What is right of labelled items."""

    def model(self, recipe: R, features: Features, classes: Sequence[str]) -> nn.Module:
        """The recipe's model for such features, initialised from the recipe's seed.

        Args:
            classes: none where a value is predicted.

        Raises:
            UserError: too large for this machine.
        """
        with torch.random.fork_rng(devices=[]), bounded_weights():
            torch.manual_seed(recipe.seed)
            return self.build(recipe, features, len(classes) or 1)

    def build(self, recipe: R, features: Features, outputs: int) -> nn.Module:
        """`model`, from whatever state chance is in."""
        return recipe.model.build(recipe.batches.inputs(features.dim), outputs)

    @abstractmethod
    def open(self, recipe: R, pieces: Pieces, runtime: Runtime) -> Any:
        """The recipe's batches of some items, as `answer` takes them."""

    @abstractmethod
    def answer(self, model: nn.Module, opened: Any, recipe: R, runtime: Runtime) -> Answers:
        """Of a model in evaluation mode, in float32, on the device."""

    def frame_classes(self, recipe: R, classes: tuple[str, ...]) -> tuple[str, ...]:
        """Names of what a run's model says of each frame; none where it says nothing of them."""
        return ()

    def answer_frames(self, model: nn.Module, opened: Any, recipe: R, runtime: Runtime) -> Answers:
        """(N, C) probabilities of `frame_classes`, where there are any."""
        raise NotImplementedError

    def frame_truth(self, corpus: Corpus, items: Ints) -> list[npt.NDArray[Any]]:
        """(T,) places in `frame_classes` of those of the items whose frames are labelled."""
        raise NotImplementedError

    @abstractmethod
    def agree(self, members: Sequence[Answers]) -> Answers:
        """What several models answer together."""

    def decide(self, answers: Answers, smoother: Smoother | None = None) -> Answers:
        """What is scored and told: the most probable classes, say; here, the answers themselves."""
        return answers

    @abstractmethod
    def judge(self, answers: Answers, truth: Answers) -> Validation:
        """Answers held against what is right, on the device."""

    @abstractmethod
    def score(
        self, ids: Sequence[str], decided: Answers, truth: Answers, classes: Sequence[str]
    ) -> Scores:
        """What decided answers to items (U,) are worth."""

    @abstractmethod
    def predict(
        self,
        ids: Sequence[str],
        answers: Answers,
        decided: Answers,
        features: Features,
        classes: tuple[str, ...],
    ) -> Sequence[Prediction]:
        """A prediction for each of the items (U,)."""

    def smoothing(self, kind: str, recipe: R) -> Any:
        """The config of a smoother that was asked for in place of the recipe's.

        Raises:
            UserError: nothing to smooth.
        """
        raise UserError(f"smoothing is for frames, and the task {self.name} has none")

    def fit_smoother(self, config: Any, corpus: Corpus, items: Ints) -> Smoother:
        """A config's smoother, fitted to the frame labels of items."""
        labels = self.truth(corpus, items).each()
        smoother: Smoother = config.fit(labels, self.smoothed(self.classes(corpus)))
        return smoother

    def smoothed(self, classes: Sequence[str]) -> int:
        """How many classes posteriors of frames have."""
        return len(classes)

    def equip(self, model: nn.Module, run: OpenRun, recipe: R) -> None:
        """Give a run's model what else the recipe asks for to answer: mostly nothing.

        Raises:
            UserError: it is damaged, or cannot be had.
        """

    def calibration(
        self, model: nn.Module, corpus: Corpus, recipe: R, runtime: Runtime
    ) -> dict[str, torch.Tensor]:
        """Weights by which a model is right as often as it says, on a corpus it has not learnt
        from; those of the same names in its own are replaced by them.

        Raises:
            UserError: the model says nothing of the kind, or the corpus is not for it.
        """
        raise UserError(f"calibration is for transcripts, and the task {self.name} has none")

    def to_pass_on(self, recipe: R) -> R:
        """A recipe that names no file of its owner's."""
        return recipe

    def sentence(self, test: Scores, features: Features, classes: Sequence[str]) -> str:
        """What came of a run, in the beginning of a sentence, in the language that is spoken."""
        return tr(
            "Test {measure} {score} of {count:,} {units}",
            measure=term(self.metric.words),
            score=test.score,
            count=test.count,
            units=term(test.unit),
        )

    def show(self, run: OpenRun, key: str) -> dict[str, list[Picture]]:
        """Pictures of a finished run by their headings; `key` goes before their ids."""
        return {}

    def show_together(self, runs: Mapping[str, OpenRun]) -> dict[str, list[Picture]]:
        """Pictures of several runs, by their headings."""
        return {}


@torch.inference_mode()
def frame_answers_of(
    task: Task[R], model: nn.Module, pieces: Pieces, recipe: R, runtime: Runtime
) -> Answers:
    """What a model says of the frames of some pieces."""
    opened = task.open(recipe, pieces, runtime)
    with evaluating(model):
        return task.answer_frames(model, opened, recipe, runtime)


def answers_of(
    task: Task[R], model: nn.Module, pieces: Pieces, recipe: R, runtime: Runtime
) -> Answers:
    """What a model answers to some pieces; see `evaluating`."""
    return answered(task, model, task.open(recipe, pieces, runtime), recipe, runtime)


@torch.inference_mode()
def answered(task: Task[R], model: nn.Module, opened: Any, recipe: R, runtime: Runtime) -> Answers:
    """The same of opened batches."""
    with evaluating(model):
        return task.answer(model, opened, recipe, runtime)
