"""What all classification tasks share: splits, the model, probabilities held against labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bossline.corpora.packed import Corpus, Ints
from bossline.corpora.splits import split_corpus
from bossline.errors import UserError
from bossline.evaluation.scores import Scores
from bossline.recipes.schema import Recipe
from bossline.runtime import Runtime
from bossline.smoothing import Smoother
from bossline.training.contract import StepLoss, Validation

Probabilities = npt.NDArray[np.float32]
Pieces = Sequence[npt.NDArray[Any]]


class Classifier(Protocol):
    """What a score is asked of: a trained model, or several."""

    def probabilities(self, pieces: Pieces) -> Probabilities:
        """(N, C) for utterances (T, D) each, end to end."""


@dataclass(frozen=True)
class ScoredSplit:
    """Predictions for one split, with what they are worth.

    N counts what the task classifies: frames, or utterances.
    """

    scores: Scores
    unsmoothed: Scores | None  # of the most probable classes, where a smoother decided
    probabilities: Probabilities  # (N, C), utterances end to end
    predicted: Ints  # (N,)
    utterances: Ints  # (U,) index into the corpus


class ClassificationTask(ABC):
    """A recipe on a corpus, with all that the training loop asks for.

    Attributes:
        unit: what is classified.
        wants: what a corpus lacks that has no labels for this task, as in "no labels".
        splits: (U,) index into the corpus, for "train", "validation" and "test".
    """

    unit: ClassVar[Literal["frames", "utterances"]]
    wants: ClassVar[str]

    def __init__(self, recipe: Recipe, corpus: Corpus, runtime: Runtime) -> None:
        """
        Raises:
            UserError: the corpus has no labels, or cannot be split as the recipe wants.
        """
        self.recipe, self.corpus, self.runtime = recipe, corpus, runtime
        self.classes = self.classes_of(corpus)
        labelled = self.labelled(corpus)
        if not labelled.any():
            raise UserError(f"{corpus.path} has {self.wants}: nothing to train on or score against")
        self.splits = split_corpus(corpus, recipe.split, labelled)

    @staticmethod
    @abstractmethod
    def labelled(corpus: Corpus) -> npt.NDArray[np.bool_]:
        """(U,) True where an utterance can be learnt from."""

    @staticmethod
    @abstractmethod
    def classes_of(corpus: Corpus) -> tuple[str, ...]: ...

    @staticmethod
    @abstractmethod
    def open(recipe: Recipe, pieces: Pieces, runtime: Runtime) -> Any:
        """The recipe's batches of some utterances (T, D) each, as `classify` takes them."""

    @staticmethod
    @abstractmethod
    def classify(model: nn.Module, opened: Any, recipe: Recipe, runtime: Runtime) -> Tensor:
        """(N, C) float32 class probabilities, end to end, on the runtime's device."""

    @abstractmethod
    def labels(self, split: str) -> Ints:
        """(N,) classes of a split, utterances end to end."""

    @abstractmethod
    def loss(self, model: nn.Module, batch: Any) -> StepLoss: ...

    @abstractmethod
    def batch(self, epoch: int, step: int) -> Any: ...

    @abstractmethod
    def once(self) -> Iterator[tuple[Any, Tensor]]:
        """The training split once, for a model that is fitted: inputs and their classes (n,)."""

    @property
    def feature_blocks(self) -> int:
        """Parts of a frame that frequency masks treat alike: statics and two orders of deltas."""
        return 1 if self.corpus.header.features.deltas == "none" else 3

    @property
    @abstractmethod
    def steps_per_epoch(self) -> int: ...

    @property
    @abstractmethod
    def training(self) -> Sized:
        """The training split as batches; its length counts what the task classifies."""

    @property
    @abstractmethod
    def description(self) -> str:
        """What is trained on, and what a step sees."""

    def count(self, split: str) -> int:
        """Frames or utterances of a split, whichever the task classifies."""
        utterances = self.splits[split]
        whole = self.unit == "utterances"
        return len(utterances) if whole else int(self.corpus.lengths[utterances].sum())

    def pieces(self, split: str) -> list[npt.NDArray[Any]]:
        """Features of a split's utterances, (T, D) each."""
        return [self.corpus.frames(int(u)) for u in self.splits[split]]

    def build_model(self) -> nn.Module:
        """A fresh model on the runtime's device."""
        dim = self.corpus.header.features.dim
        return build_model(self.recipe, dim, len(self.classes)).to(self.runtime.device)

    @cached_property
    def _validation(self) -> tuple[Any, Ints]:
        opened = self.open(self.recipe, self.pieces("validation"), self.runtime)
        return opened, self.labels("validation")

    def validate(self, model: nn.Module) -> Validation:
        """Cross entropy and accuracy on the validation split."""
        opened, true = self._validation
        probabilities = self.classify(model, opened, self.recipe, self.runtime)
        labels = torch.from_numpy(true).to(probabilities.device)
        picked = probabilities.gather(1, labels.unsqueeze(1)).clamp_min(1e-30)
        right = (probabilities.argmax(1) == labels).double().mean()
        return Validation(loss=float(-picked.log().double().mean()), score=float(right))

    def fit_smoother(self) -> Smoother | None:
        """The recipe's smoother, fitted to the training labels."""
        return None

    def embeddings(self, model: nn.Module, split: str) -> npt.NDArray[np.float32] | None:
        """(U, D) of a split's utterances, where the model has such."""
        return None

    def score(self, classifier: Classifier, smoother: Smoother | None, split: str) -> ScoredSplit:
        """Predict a split and hold it against its labels."""
        utterances = self.splits[split]
        probabilities = classifier.probabilities(self.pieces(split))
        best = probabilities.argmax(1)
        lengths = self.corpus.lengths[utterances]
        path = best if smoother is None else smoother.path(probabilities, lengths)
        true = self.labels(split)

        def scores(predicted: Ints) -> Scores:
            return Scores.of(
                utterances=tuple(self.corpus.ids[u] for u in utterances),
                lengths=lengths if self.unit == "frames" else np.ones_like(lengths),
                true=true,
                predicted=predicted,
                classes=len(self.classes),
                unit=self.unit,
            )

        unsmoothed = None if smoother is None else scores(best)
        return ScoredSplit(scores(path), unsmoothed, probabilities, path, utterances)


def build_model(recipe: Recipe, dim: int, classes: int) -> nn.Module:
    """The recipe's model for frames of `dim` numbers, initialised from the recipe's seed."""
    torch.manual_seed(recipe.seed)
    return recipe.model.build(recipe.batches.inputs(dim), classes)
