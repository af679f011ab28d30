"""Frame-wise phoneme classification: which phone is each frame?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bossline.batches.frames import FrameBatches
from bossline.corpora.packed import Corpus
from bossline.corpora.splits import split_corpus
from bossline.errors import UserError
from bossline.evaluation.frames import FrameScores
from bossline.recipes.schema import Recipe
from bossline.runtime import Runtime
from bossline.smoothing import Smoother
from bossline.training.contract import StepLoss, Validation


class Classifier(Protocol):
    """What a score is asked of: a trained model, or several."""

    def probabilities(self, pieces: Sequence[npt.NDArray[np.floating]]) -> npt.NDArray[np.float32]:
        """(sum of T, C) of utterances (T, D) each, end to end."""


@dataclass(frozen=True)
class ScoredSplit:
    """Predictions for one split, with what they are worth."""

    scores: FrameScores
    unsmoothed: FrameScores | None  # of the most probable classes, where a smoother decided
    probabilities: npt.NDArray[np.float32]  # (N, C), utterances end to end
    predicted: npt.NDArray[np.int64]  # (N,)
    utterances: npt.NDArray[np.int64]  # (U,) index into the corpus


class PhonemeTask:
    """Frames of a corpus, a model that labels them, frame accuracy."""

    def __init__(self, recipe: Recipe, corpus: Corpus, runtime: Runtime) -> None:
        """
        Raises:
            UserError: the corpus cannot be split as the recipe wants, or has no labels.
        """
        if not corpus.header.labelled_frames:
            raise UserError(f"{corpus.path} has no labels: nothing to train on or score against")
        self.recipe, self.corpus, self.runtime = recipe, corpus, runtime
        self.splits = split_corpus(corpus, recipe.split)

    @cached_property
    def training(self) -> FrameBatches:
        frames = self._open("train")
        if len(frames) < 2:
            raise UserError("the training split has a single frame: nothing to learn from")
        return frames

    @cached_property
    def _training_labels(self) -> Tensor:
        return self._labels("train").to(self.runtime.device)

    @cached_property
    def _validation(self) -> FrameBatches:
        return self._open("validation")

    def _open(self, split: str) -> FrameBatches:
        pieces = [self.corpus.frames(int(u)) for u in self.splits[split]]
        return self.recipe.batches.open(pieces, self.runtime.device)

    def _labels(self, split: str) -> Tensor:
        """(N,) int16, utterances end to end."""
        pieces = [self.corpus.frame_labels(int(u)) for u in self.splits[split]]
        return torch.from_numpy(np.concatenate(pieces))

    @property
    def steps_per_epoch(self) -> int:
        return self.training.steps_per_epoch

    @property
    def _blocks(self) -> int:
        """Parts of a frame that frequency masks treat alike: statics and two orders of deltas."""
        return 1 if self.corpus.header.features.deltas == "none" else 3

    def build_model(self) -> nn.Module:
        header = self.corpus.header
        model = build_model(self.recipe, header.features.dim, len(header.classes))
        return model.to(self.runtime.device)

    def batch(self, epoch: int, step: int) -> tuple[Any, Tensor]:
        """What the model takes, and the labels (n,) int64 of the frames that it answers for."""
        inputs, numbers = self.training.batch(self.recipe.seed, epoch, step)
        if self.recipe.augment is not None:
            inputs, numbers = self.recipe.augment(inputs, numbers, self._blocks)
        return inputs, self._training_labels[numbers].long()

    def loss(self, model: nn.Module, batch: tuple[Any, Tensor]) -> StepLoss:
        inputs, labels = batch
        with self.runtime.autocast(self.recipe.precision):
            logits = model(inputs)
        correct = (logits.detach().argmax(1) == labels).sum()
        return StepLoss(self.recipe.objective(logits, labels), len(labels), correct)

    def validate(self, model: nn.Module) -> Validation:
        probabilities = classify(model, self._validation, self.runtime, self.recipe.precision)
        labels = self._labels("validation").to(probabilities.device, torch.int64)
        picked = probabilities.gather(1, labels.unsqueeze(1)).clamp_min(1e-30)
        right = (probabilities.argmax(1) == labels).double().mean()
        return Validation(loss=float(-picked.log().double().mean()), score=float(right))

    def fit_smoother(self) -> Smoother | None:
        """The recipe's smoother, fitted to the training labels."""
        if self.recipe.smoothing is None:
            return None
        pieces = [self.corpus.frame_labels(int(u)) for u in self.splits["train"]]
        return self.recipe.smoothing.fit(pieces, len(self.corpus.header.classes))

    def score(self, classifier: Classifier, smoother: Smoother | None, split: str) -> ScoredSplit:
        """Predict a split and hold it against its labels."""
        utterances = self.splits[split]
        probabilities = classifier.probabilities([self.corpus.frames(int(u)) for u in utterances])
        best = probabilities.argmax(1)
        lengths = self.corpus.lengths[utterances]
        path = best if smoother is None else smoother.path(probabilities, lengths)

        def scores(predicted: npt.NDArray[np.int64]) -> FrameScores:
            return FrameScores.of(
                utterances=tuple(self.corpus.ids[u] for u in utterances),
                lengths=lengths,
                true=self._labels(split).numpy(),
                predicted=predicted,
                classes=len(self.corpus.header.classes),
            )

        unsmoothed = None if smoother is None else scores(best)
        return ScoredSplit(scores(path), unsmoothed, probabilities, path, utterances)


def build_model(recipe: Recipe, dim: int, classes: int) -> nn.Module:
    """The recipe's model for frames of `dim` numbers, initialised from the recipe's seed."""
    torch.manual_seed(recipe.seed)
    return recipe.model.build(recipe.batches.inputs(dim), classes)


@torch.inference_mode()
def classify(model: nn.Module, frames: FrameBatches, runtime: Runtime, precision: str) -> Tensor:
    """(N, C) float32 class probabilities of all frames, end to end, on the runtime's device."""
    model.eval()
    numbers, pieces = [], []
    for inputs, where in frames.in_order():
        with runtime.autocast(precision):
            logits = model(inputs)
        numbers.append(where[where >= 0])
        pieces.append(logits[where >= 0].float().softmax(1))
    model.train()
    joined = torch.cat(pieces)
    return torch.empty_like(joined).index_copy_(0, torch.cat(numbers), joined)
