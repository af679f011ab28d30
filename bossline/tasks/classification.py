"""What all classification tasks share: probabilities held against labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from bossline.core.counting import counted
from bossline.core.language import term, tr
from bossline.data.features.spec import Features
from bossline.evaluation.classification import ClassificationScores
from bossline.evaluation.scores import ACCURACY, Scores
from bossline.tasks.base import Answers, OpenRun, R, Scored, Smoother, Task
from bossline.tasks.lesson import Lesson
from bossline.training.contract import StepLoss, Validation

if TYPE_CHECKING:
    from bossline.figures.picture import Picture

MOST_IN_A_MATRIX = 60  # more classes make a matrix that nobody can read

_LEAST = np.finfo(np.float32).tiny  # a probability that underflows to 0 must not rule a class out


def geometric_mean(members: Sequence[Answers]) -> npt.NDArray[np.float32]:
    """Of (N, C) probabilities, each row summing to 1: every member may veto a class."""
    total = sum(np.log(np.maximum(member.array, _LEAST)) for member in members)
    mean = np.exp(total / len(members))
    return np.asarray(mean / mean.sum(1, keepdims=True), np.float32)


class ClassificationTask(Task[R]):
    """Classes of frames, utterances or images; a score is the share that is right."""

    metric = ACCURACY
    scores = ClassificationScores

    def agree(self, members: Sequence[Answers]) -> Answers:
        return Answers.of(geometric_mean(members), members[0].lengths)

    def decide(self, answers: Answers, smoother: Smoother | None = None) -> Answers:
        """The most probable classes (N,), or the path of the smoother."""
        if smoother is None:
            return Answers.of(answers.array.argmax(1), answers.lengths)
        return Answers.of(smoother.path(answers.array, answers.lengths), answers.lengths)

    def judge(self, answers: Answers, truth: Answers) -> Validation:
        """Cross entropy and accuracy."""
        picked = answers.rows.gather(1, truth.rows.unsqueeze(1)).clamp_min(1e-30)
        right = (answers.rows.argmax(1) == truth.rows).double().mean()
        return Validation(loss=float(-picked.log().double().mean()), score=float(right))

    def score(
        self, ids: Sequence[str], decided: Answers, truth: Answers, classes: Sequence[str]
    ) -> ClassificationScores:
        return ClassificationScores.of(
            ids=tuple(ids),
            lengths=truth.lengths,
            true=truth.array,
            predicted=decided.array,
            classes=len(classes),
            unit=self.unit,
        )

    @staticmethod
    def share(test: Scores) -> str:
        """How much is right, in words."""
        of = counted(test.count, f"test {test.unit}".removesuffix("s"))
        return tr("{share:.1%} of {them}", share=test.score.value, them=of)

    @staticmethod
    def interval(test: Scores) -> str:
        """Where it may lie, in words."""
        return tr(
            "(95% interval {low:.1%} to {high:.1%})", low=test.score.low, high=test.score.high
        )

    def sentence(self, test: Scores, features: Features, classes: Sequence[str]) -> str:
        return tr(
            "Names the right one of {count:,} {classes} for {share} {interval}",
            count=len(classes),
            classes=term(self.classes_are),
            share=self.share(test),
            interval=self.interval(test),
        )

    def show(self, run: OpenRun, key: str) -> dict[str, list[Picture]]:
        """Confusions, or of many classes how often each is found."""
        from bossline.tasks.class_pictures import confusion_pictures, recall_picture

        test = run.scores.get("test")
        if not isinstance(test, ClassificationScores):
            return {}
        if len(run.classes) > MOST_IN_A_MATRIX:
            classes = term(self.classes_are)
            return {classes.capitalize(): [recall_picture(test, classes, key)]}
        return {tr("Confusions"): confusion_pictures(test, run.classes, key)}


class ClassificationLesson(Lesson[R]):
    """Batches with their labels, a model that scores classes."""

    def counted(self, batch: Any) -> int:
        return len(batch[1])

    @staticmethod
    def right(scores: Tensor, labels: Tensor) -> Tensor:
        """How many of scores (..., C) are greatest at the label (...), which is no padding's."""
        return (scores.detach().argmax(-1) == labels).sum()

    def step_loss(self, mean: Tensor, scores: Tensor, labels: Tensor) -> StepLoss:
        """A batch's mean loss, with what its scores (B, C) get right."""
        return StepLoss(mean, len(labels), self.right(scores, labels))

    def scored(self, answers: Answers, smoother: Smoother | None, split: str) -> Scored:
        scored = super().scored(answers, smoother, split)
        if smoother is None:
            return scored
        plain = super().scored(answers, None, split)
        return replace(scored, beside={"unsmoothed": plain.scores})

    def kept(self, model: nn.Module, test: Scored) -> dict[str, npt.NDArray[Any]]:
        predicted = test.decided.array
        confidence = np.take_along_axis(test.answers.array, predicted[:, None], axis=1)[:, 0]
        return {
            "utterances": test.items,
            "predicted": predicted.astype(np.int16),
            "confidence": confidence.astype(np.float16),
        }
