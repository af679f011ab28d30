"""A recipe on a corpus: all that the training loop asks for, and what its end is worth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Generic

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from bossline.batches.order import generator_of
from bossline.core.errors import UserError
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus
from bossline.data.splits import split_corpus
from bossline.evaluation.scores import Metric
from bossline.models.layers import Penalised
from bossline.tasks.base import Answers, Predictor, R, Scored, Smoother, Task, answered
from bossline.training.contract import StepLoss, Validation


class Lesson(ABC, Generic[R]):
    """What a task teaches a model (see training/contract.py).

    Attributes:
        splits: (U,) index into the corpus, for "train", "validation" and "test".
    """

    def __init__(self, task: Task[R], recipe: R, corpus: Corpus, runtime: Runtime) -> None:
        """
        Raises:
            UserError: a corpus of other things or without labels, or one that cannot be split as
                the recipe wants.
        """
        self.task, self.recipe, self.corpus, self.runtime = task, recipe, corpus, runtime
        task.check(corpus)
        self.classes = task.classes(corpus)
        self.splits = split_corpus(corpus, recipe.split, task.labelled(corpus))

    @property
    def unit(self) -> str:
        return self.task.unit

    @property
    def metric(self) -> Metric:
        return self.task.metric

    @abstractmethod
    def loss(self, model: nn.Module, batch: Any) -> StepLoss: ...

    def batch(self, epoch: int, step: int) -> Any:
        """What the model takes, and what is right of it (n,)."""
        inputs, indices = self.drawn(epoch, step)
        return inputs, self.training_targets[indices]

    def drawn(self, epoch: int, step: int) -> tuple[Any, Tensor]:
        """Inputs of a training step, and the indices (n,) int64 of what they are.

        Of the rows of this process, where several share a batch.

        Raises:
            UserError: a file that they are mapped from was cut short.
        """
        self.corpus.check_sizes()
        drawn: tuple[Any, Tensor] = self.runtime.ranks.batch(
            self.training, self.recipe.seed, epoch, step
        )
        return drawn

    def chance(self, epoch: int, step: int) -> torch.Generator:
        """What is drawn for a batch beyond its items; after `drawn`."""
        runtime = self.runtime
        return generator_of(self.recipe.seed, epoch, step, runtime.device, runtime.ranks.part)

    def counted(self, batch: Any) -> int:
        """How much of what the task scores a batch holds, from the host's own knowledge.

        Only asked where steps are compiled: a lesson that does not say is taught without.
        """
        raise NotImplementedError(f"a {type(self).__name__} does not say what a batch counts")

    def in_full(self, batch: Any) -> Any:
        """A batch as at the training's end: with the margin of a head in full, say."""
        return batch

    @cached_property
    def training(self) -> Any:
        """The training split as batches; its length counts what the task scores."""
        return self.task.open(self.recipe, self.pieces("train"), self.runtime)

    @cached_property
    def training_targets(self) -> Tensor:
        """(N,) of the training split, on the device."""
        return self.truth("train").rows.to(self.runtime.device)

    def once(self) -> Iterator[tuple[Any, Tensor]]:
        """The training split once, for a model that is fitted: inputs and their targets (n,)."""
        self.corpus.check_sizes()
        for inputs, indices in self.training.in_order():
            yield inputs, self.training_targets[indices]

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
        items = self.splits[split]
        known = self.task.count(self.corpus, items)
        return len(items) if known is None else known

    def pieces(self, split: str) -> list[npt.NDArray[Any]]:
        """Features of a split's items."""
        return self.task.pieces(self.corpus, self.splits[split])

    def truth(self, split: str) -> Answers:
        """What is right of a split's items."""
        return self.task.truth(self.corpus, self.splits[split])

    def ids(self, split: str) -> tuple[str, ...]:
        """(U,) of a split's items."""
        return tuple(self.corpus.ids[u] for u in self.splits[split])

    def build_model(self) -> nn.Module:
        """A fresh model on the runtime's device."""
        model = self.task.model(self.recipe, self.corpus.header.features, self.classes)
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
    def _validation(self) -> tuple[Any, Answers]:
        own, every = self.runtime.ranks.dealt(self.splits["validation"])
        pieces = self.task.pieces(self.corpus, own)
        opened = self.task.open(self.recipe, pieces, self.runtime)
        return opened, self.task.truth(self.corpus, every).to(self.runtime.device)

    def validate(self, model: nn.Module) -> Validation:
        """Loss and score on the validation split; of several processes each answers for a part."""
        self.corpus.check_sizes()
        opened, truth = self._validation
        answers = answered(self.task, model, opened, self.recipe, self.runtime)
        ranks = self.runtime.ranks
        lengths = ranks.joined(torch.from_numpy(answers.lengths)).numpy()
        return self.task.judge(Answers(ranks.joined(answers.rows), lengths), truth)

    def gain(self, validation: Validation) -> float:
        """By which the best epoch is chosen; higher is better."""
        return self.metric.gain(validation.score)

    def penalised(self, mean: Tensor, model: nn.Module) -> Tensor:
        """A mean loss with the model's own penalty, where it has one."""
        if isinstance(model, Penalised):
            return mean + model.penalty(self.count("train"))
        return mean

    def fit_smoother(self) -> Smoother | None:
        """The recipe's smoother, fitted to the training labels."""
        if self.recipe.smoothing is None:
            return None
        return self.task.fit_smoother(self.recipe.smoothing, self.corpus, self.splits["train"])

    def learn(self) -> dict[str, bytes]:
        """Files by name that a run keeps of what else is learnt from its training labels."""
        return {}

    def score(self, predictor: Predictor, smoother: Smoother | None, split: str) -> Scored:
        """Predict a split and hold it against what is true."""
        answers = predictor.answers(self.pieces(split))
        return self.scored(answers, smoother, split)

    def scored(self, answers: Answers, smoother: Smoother | None, split: str) -> Scored:
        """Answers for a split with what they are worth."""
        decided = self.task.decide(answers, smoother)
        scores = self.task.score(self.ids(split), decided, self.truth(split), self.classes)
        return Scored(scores, answers, decided, self.splits[split])

    def kept(self, model: nn.Module, test: Scored) -> dict[str, npt.NDArray[Any]]:
        """What the run keeps of its test split for its report, by name."""
        return {"utterances": test.items, "predicted": np.ascontiguousarray(test.decided.array)}
