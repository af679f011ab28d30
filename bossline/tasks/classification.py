"""What all classification tasks share: probabilities held against labels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from bossline.data.packed import Ints
from bossline.evaluation.classification import ClassificationScores
from bossline.evaluation.scores import ACCURACY
from bossline.smoothing import Smoother
from bossline.tasks.base import Outputs, Predictor, ScoredSplit, Task
from bossline.training.contract import StepLoss, Validation

_LEAST = np.finfo(np.float32).tiny  # a probability that underflows to 0 must not rule a class out


class ClassificationTask(Task):
    """Classes of frames, utterances or images; a score is the share that is right."""

    metric = ACCURACY

    @abstractmethod
    def targets(self, split: str) -> Ints:
        """(N,) classes of a split, utterances end to end."""

    @staticmethod
    def agreed(members: Sequence[Outputs]) -> Outputs:
        """The geometric mean of (N, C) probabilities: every member may veto a class."""
        total = sum(np.log(np.maximum(probabilities, _LEAST)) for probabilities in members)
        mean = np.exp(total / len(members))
        return np.asarray(mean / mean.sum(1, keepdims=True), np.float32)

    @staticmethod
    def judged(outputs: Tensor, true: Tensor) -> Validation:
        """Cross entropy and accuracy."""
        picked = outputs.gather(1, true.unsqueeze(1)).clamp_min(1e-30)
        right = (outputs.argmax(1) == true).double().mean()
        return Validation(loss=float(-picked.log().double().mean()), score=float(right))

    @staticmethod
    def step_loss(mean: Tensor, scores: Tensor, labels: Tensor) -> StepLoss:
        """A batch's mean loss, with what its scores (B, C) get right."""
        return StepLoss(mean, len(labels), (scores.detach().argmax(1) == labels).sum())

    def score(self, predictor: Predictor, smoother: Smoother | None, split: str) -> ScoredSplit:
        outputs = predictor.outputs(self.pieces(split))
        best = outputs.argmax(1)
        if smoother is None:
            return ScoredSplit(self.scores(best, split), outputs, best, self.splits[split])
        path = smoother.path(outputs, self.corpus.lengths[self.splits[split]])
        beside = {"unsmoothed": self.scores(best, split)}
        return ScoredSplit(self.scores(path, split), outputs, path, self.splits[split], beside)

    def scores(self, predicted: Ints, split: str) -> ClassificationScores:
        """What predictions (N,) are worth."""
        lengths = self.corpus.lengths[self.splits[split]]
        return ClassificationScores.of(
            utterances=self.ids(split),
            lengths=lengths if self.unit == "frames" else np.ones_like(lengths),
            true=self.targets(split),
            predicted=predicted,
            classes=len(self.classes),
            unit=self.unit,
        )
