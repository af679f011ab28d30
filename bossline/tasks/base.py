"""What all tasks share: splits, the model, its outputs held against what is true."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from bossline.batches import BatchConfig
from bossline.core.errors import UserError
from bossline.core.memory import bounded_weights
from bossline.core.runtime import Runtime
from bossline.data.features.spec import Features
from bossline.data.packed import Corpus, Ints
from bossline.data.splits import split_corpus
from bossline.evaluation.scores import Metric, Scores, Unit
from bossline.models.layers import Penalised
from bossline.recipes.schema import Recipe
from bossline.smoothing import Smoother
from bossline.training.contract import StepLoss, Validation

Outputs = npt.NDArray[np.float32]
"""(N, C) class probabilities, or (N,) predicted values."""
Pieces = Sequence[npt.NDArray[Any]]


class Predictor(Protocol):
    """What a score is asked of: a trained model, or several."""

    def outputs(self, pieces: Pieces, batches: BatchConfig | None = None) -> Outputs:
        """Of utterances (T, D) each, or images, or rows, end to end.

        Args:
            batches: in place of the recipe's.
        """


@dataclass(frozen=True)
class ScoredSplit:
    """Predictions for one split, with what they are worth.

    N counts what the task scores: frames, utterances, images or rows.
    """

    scores: Scores
    outputs: Outputs  # (N, C) or (N,), utterances end to end
    predicted: npt.NDArray[Any]  # (N,) classes or values
    utterances: Ints  # (U,) index into the corpus
    beside: Mapping[str, Scores] = field(default_factory=dict)
    """Scores of the same outputs left alone, by what they lack: "unsmoothed"."""


class Task(ABC):
    """A recipe on a corpus, with all that the training loop asks for.

    Attributes:
        unit: what is scored.
        item: what a corpus for this task holds, as its features call it.
        wants: what a corpus lacks that has no labels for this task, as in "no labels".
        metric: what a score is.
        splits: (U,) index into the corpus, for "train", "validation" and "test".
    """

    unit: ClassVar[Unit]
    item: ClassVar[str]
    wants: ClassVar[str]
    metric: ClassVar[Metric]

    def __init__(self, recipe: Recipe, corpus: Corpus, runtime: Runtime) -> None:
        """
        Raises:
            UserError: a corpus of other things or without labels, or one that cannot be split as
                the recipe wants.
        """
        self.recipe, self.corpus, self.runtime = recipe, corpus, runtime
        self.check_corpus(corpus)
        self.classes = self.classes_of(corpus)
        self.splits = split_corpus(corpus, recipe.split, self.labelled(corpus))

    @classmethod
    def check_corpus(cls, corpus: Corpus) -> None:
        """
        Raises:
            UserError: a corpus of other things, or without labels.
        """
        if (item := corpus.header.features.item) != cls.item:
            raise UserError(
                f"{corpus.path} holds {item}s, and the recipe is for {cls.item}s: choose a recipe "
                "of another task (bossline tasks), or another corpus (bossline corpus)"
            )
        if not cls.labelled(corpus).any():
            raise UserError(f"{corpus.path} has {cls.wants}: nothing to train on or score against")

    @staticmethod
    def labelled(corpus: Corpus) -> npt.NDArray[np.bool_]:
        """(U,) True where an utterance can be learnt from."""
        return corpus.labelled

    @staticmethod
    def classes_of(corpus: Corpus) -> tuple[str, ...]:
        """None where values are predicted."""
        return corpus.header.classes

    @staticmethod
    def pieces_of(corpus: Corpus, utterances: Ints) -> list[npt.NDArray[Any]]:
        """Features of utterances, (T, D) each, as views of the corpus."""
        return [corpus.frames(int(u)) for u in utterances]

    @classmethod
    def model(cls, recipe: Recipe, features: Features, classes: Sequence[str]) -> nn.Module:
        """The recipe's model for such features, initialised from the recipe's seed.

        Args:
            classes: none where a value is predicted.

        Raises:
            UserError: too large for this machine.
        """
        torch.manual_seed(recipe.seed)
        with bounded_weights():
            return cls.built(recipe, features, len(classes) or 1)

    @staticmethod
    def built(recipe: Recipe, features: Features, outputs: int) -> nn.Module:
        """`model`, from whatever state chance is in."""
        return recipe.model.build(recipe.batches.inputs(features.dim), outputs)

    @staticmethod
    @abstractmethod
    def open(recipe: Recipe, pieces: Pieces, runtime: Runtime) -> Any:
        """The recipe's batches of some utterances (T, D) each, as `answer` takes them."""

    @staticmethod
    @abstractmethod
    def answer(model: nn.Module, opened: Any, recipe: Recipe, runtime: Runtime) -> Tensor:
        """(N, C) class probabilities or (N,) values, float32, end to end, on the device."""

    @classmethod
    def outputs(cls, model: nn.Module, pieces: Pieces, recipe: Recipe, runtime: Runtime) -> Outputs:
        """What a model answers to some pieces, for programs."""
        answers = cls.answer(model, cls.open(recipe, pieces, runtime), recipe, runtime)
        return np.asarray(answers.cpu().numpy())

    @staticmethod
    @abstractmethod
    def agreed(members: Sequence[Outputs]) -> Outputs:
        """What several models answer together."""

    @abstractmethod
    def targets(self, split: str) -> npt.NDArray[Any]:
        """(N,) classes or values of a split, utterances end to end."""

    @abstractmethod
    def loss(self, model: nn.Module, batch: Any) -> StepLoss: ...

    @abstractmethod
    def batch(self, epoch: int, step: int) -> Any: ...

    @cached_property
    def training(self) -> Any:
        """The training split as batches; its length counts what the task scores."""
        return self.open(self.recipe, self.pieces("train"), self.runtime)

    @cached_property
    def training_targets(self) -> Tensor:
        """(N,) of the training split, on the device."""
        return torch.from_numpy(self.targets("train")).to(self.runtime.device)

    def once(self) -> Iterator[tuple[Any, Tensor]]:
        """The training split once, for a model that is fitted: inputs and their targets (n,)."""
        self.corpus.check_sizes()
        for inputs, numbers in self.training.in_order():
            yield inputs, self.training_targets[numbers]

    @property
    def steps_per_epoch(self) -> int:
        steps: int = self.training.steps_per_epoch
        return steps

    @property
    def description(self) -> str:
        """What is trained on, and what a step sees."""
        return f"{len(self.training):,} training {self.unit} ({self.training.description})"

    def count(self, split: str) -> int:
        """What is scored of a split."""
        utterances = self.splits[split]
        frames = self.unit == "frames"
        return int(self.corpus.lengths[utterances].sum()) if frames else len(utterances)

    def pieces(self, split: str) -> list[npt.NDArray[Any]]:
        """Features of a split's utterances, (T, D) each."""
        return self.pieces_of(self.corpus, self.splits[split])

    def build_model(self) -> nn.Module:
        """A fresh model on the runtime's device."""
        model = self.model(self.recipe, self.corpus.header.features, self.classes)
        return model.to(self.runtime.device)

    def prepare(self, model: nn.Module) -> None:
        """Set what a model knows of the training split before its first step: mostly nothing.

        Raises:
            UserError: the data or the recipe do not allow that step.
        """
        if any(isinstance(layer, _BatchNorm) for layer in model.modules()):
            self._check_no_batch_of_one()

    def _check_no_batch_of_one(self) -> None:
        count = len(self.training)
        if count >= 2 * self.steps_per_epoch:
            return
        found = "only one is there to train on" if count == 1 else "batches.size=1"
        remedy = "more data" if count == 1 else "batches.size=2 or more"
        raise UserError(
            f"batch normalisation divides by a variance over {self.unit}, which a batch of one has "
            f"not, and {found}: {remedy}, or a model without it"
        )

    @cached_property
    def _validation(self) -> tuple[Any, Tensor]:
        opened = self.open(self.recipe, self.pieces("validation"), self.runtime)
        return opened, torch.from_numpy(self.targets("validation")).to(self.runtime.device)

    def validate(self, model: nn.Module) -> Validation:
        """Loss and score on the validation split."""
        self.corpus.check_sizes()
        opened, true = self._validation
        return self.judged(self.answer(model, opened, self.recipe, self.runtime), true)

    def gain(self, validation: Validation) -> float:
        """By which the best epoch is chosen; higher is better."""
        return self.metric.gain(validation.score)

    @staticmethod
    @abstractmethod
    def judged(outputs: Tensor, true: Tensor) -> Validation:
        """Outputs (N, C) or (N,) held against targets (N,)."""

    def fit_smoother(self) -> Smoother | None:
        """The recipe's smoother, fitted to the training labels."""
        return None

    def embeddings(self, model: nn.Module, split: str) -> npt.NDArray[np.float32] | None:
        """(U, D) of a split's utterances, where the model has such."""
        return None

    def attributions(self, model: nn.Module, test: ScoredSplit) -> dict[str, npt.NDArray[Any]]:
        """What the test outputs hang on, for the report: by name, as `Run.write_predictions` keeps
        them."""
        return {}

    @abstractmethod
    def score(self, predictor: Predictor, smoother: Smoother | None, split: str) -> ScoredSplit:
        """Predict a split and hold it against what is true."""

    def ids(self, split: str) -> tuple[str, ...]:
        """(U,) of a split's utterances."""
        return tuple(self.corpus.ids[u] for u in self.splits[split])

    def penalised(self, mean: Tensor, model: nn.Module) -> Tensor:
        """A mean loss with the model's own penalty, where it has one."""
        if isinstance(model, Penalised):
            return mean + model.penalty(self.count("train"))
        return mean
