"""Frame-wise phoneme classification: which phone is each frame?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bossline.batches.order import batch_bounds, batch_count, epoch_order
from bossline.batches.windows import LabelledWindows, Windows
from bossline.corpora.packed import Corpus
from bossline.corpora.splits import split_corpus
from bossline.errors import UserError
from bossline.evaluation.frames import FrameScores
from bossline.recipes.schema import Recipe
from bossline.runtime import Runtime
from bossline.training.contract import StepLoss, Validation

# Windows of one forward pass outside training; enough to fill a device, small in memory.
EVALUATION_BATCH = 4096


@dataclass(frozen=True)
class ScoredSplit:
    """Predictions for one split, with what they are worth."""

    scores: FrameScores
    true: npt.NDArray[np.int64]  # (N,), utterances end to end
    predicted: npt.NDArray[np.int64]  # (N,)
    confidence: npt.NDArray[np.float32]  # (N,) probability of the predicted class
    utterances: npt.NDArray[np.int64]  # (U,) index into the corpus


class PhonemeTask:
    """Windows of a corpus, a model from windows to classes, frame accuracy."""

    def __init__(self, recipe: Recipe, corpus: Corpus, runtime: Runtime) -> None:
        """
        Raises:
            UserError: the corpus cannot be split as the recipe wants, or has no labels.
        """
        if not corpus.header.labelled_frames:
            raise UserError(f"{corpus.path} has no labels: nothing to train on or score against")
        self.recipe, self.corpus, self.runtime = recipe, corpus, runtime
        self.splits = split_corpus(corpus, recipe.split)
        self._order: tuple[int, Tensor] | None = None

    @cached_property
    def training(self) -> LabelledWindows:
        windows = self._windows("train")
        if len(windows) < 2:
            raise UserError("the training split has a single frame: nothing to learn from")
        return windows

    @cached_property
    def _validation(self) -> LabelledWindows:
        return self._windows("validation")

    def _windows(self, split: str) -> LabelledWindows:
        return LabelledWindows(
            self.corpus, self.splits[split], self.recipe.batches.frames, self.runtime.device
        )

    @property
    def steps_per_epoch(self) -> int:
        return batch_count(len(self.training), self.recipe.batches.size)

    def build_model(self) -> nn.Module:
        header = self.corpus.header
        model = build_model(self.recipe, header.features.dim, len(header.classes))
        return model.to(self.runtime.device)

    def batch(self, epoch: int, step: int) -> tuple[Tensor, Tensor]:
        """Windows (B, inputs) float32 and labels (B,) int64."""
        if self._order is None or self._order[0] != epoch:
            order = epoch_order(len(self.training), self.recipe.seed, epoch)
            self._order = epoch, order.to(self.runtime.device)
        start, stop = batch_bounds(len(self.training), self.recipe.batches.size, step)
        numbers = self._order[1][start:stop]
        return self.training.gather(numbers), self.training.labels[numbers].long()

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> StepLoss:
        windows, labels = batch
        with self.runtime.autocast(self.recipe.precision):
            logits = model(windows)
        correct = (logits.detach().argmax(1) == labels).sum()
        return StepLoss(self.recipe.objective(logits, labels), len(labels), correct)

    def validate(self, model: nn.Module) -> Validation:
        windows = self._validation
        probabilities = classify(model, windows, self.runtime, self.recipe.precision)
        labels = windows.labels.long().unsqueeze(1)
        picked = probabilities.gather(1, labels).clamp_min(1e-30)
        right = (probabilities.argmax(1) == labels.squeeze(1)).double().mean()
        return Validation(loss=float(-picked.log().double().mean()), score=float(right))

    def score(self, model: nn.Module, split: str) -> ScoredSplit:
        """Predict a split and hold it against its labels."""
        windows = self._windows(split)
        probabilities = classify(model, windows, self.runtime, self.recipe.precision)
        confidence, predicted = (tensor.cpu().numpy() for tensor in probabilities.max(1))
        true = windows.labels.long().cpu().numpy()
        utterances = self.splits[split]
        scores = FrameScores.of(
            utterances=tuple(self.corpus.ids[u] for u in utterances),
            lengths=windows.lengths,
            true=true,
            predicted=predicted,
            classes=len(self.corpus.header.classes),
        )
        return ScoredSplit(scores, true, predicted, confidence, utterances)


def build_model(recipe: Recipe, dim: int, classes: int) -> nn.Module:
    """The recipe's model for frames of `dim` numbers, initialised from the recipe's seed."""
    torch.manual_seed(recipe.seed)
    return recipe.model.build(recipe.batches.frames * dim, classes)


@torch.inference_mode()
def classify(model: nn.Module, windows: Windows, runtime: Runtime, precision: str) -> Tensor:
    """(N, C) float32 class probabilities of all windows, on the runtime's device."""
    model.eval()
    pieces = []
    for start in range(0, len(windows), EVALUATION_BATCH):
        with runtime.autocast(precision):
            logits = model(windows.gather(slice(start, start + EVALUATION_BATCH)))
        pieces.append(logits.float().softmax(1))
    model.train()
    return torch.cat(pieces)
