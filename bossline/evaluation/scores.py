"""Scores of a classifier, all derived from one confusion matrix and counts an utterance."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Literal

import numpy as np
import numpy.typing as npt

from bossline.config import Config
from bossline.evaluation.intervals import Interval, accuracy_interval

Counts = npt.NDArray[np.int64]


def confusion_matrix(true: npt.ArrayLike, predicted: npt.ArrayLike, classes: int) -> Counts:
    """(C, C) counts; row = true class, column = predicted class."""
    pairs = np.asarray(true, np.int64) * classes + np.asarray(predicted, np.int64)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def precision_recall_f1(
    confusion: Counts,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Precision, recall and F1 of each class, (C,); 0 where a class has no frame at all."""
    hits = np.diag(confusion).astype(np.float64)
    predicted, true = confusion.sum(0), confusion.sum(1)
    zeros = np.zeros_like(hits)
    return (
        np.divide(hits, predicted, out=zeros.copy(), where=predicted > 0),
        np.divide(hits, true, out=zeros.copy(), where=true > 0),
        np.divide(2 * hits, predicted + true, out=zeros.copy(), where=predicted + true > 0),
    )


class Scores(Config):
    """What one evaluation of one split found.

    The confusion matrix and the counts an utterance are kept: every other figure, and a paired
    comparison with another run, follows from them.
    """

    utterances: tuple[str, ...]
    correct: tuple[int, ...]
    lengths: tuple[int, ...]
    unit: Literal["frames", "utterances"] = "frames"
    confusion: tuple[tuple[int, ...], ...]
    accuracy: Interval
    macro_f1: float

    @classmethod
    def of(
        cls,
        utterances: tuple[str, ...],
        lengths: npt.NDArray[np.int64],
        true: npt.NDArray[np.int64],
        predicted: npt.NDArray[np.int64],
        classes: int,
        unit: Literal["frames", "utterances"] = "frames",
    ) -> Scores:
        """Score predictions.

        Args:
            utterances: (U,) ids.
            lengths: (U,) what was classified of each: its frames, or 1, the utterance.
            true: (N,) labels, utterances end to end.
            predicted: (N,) classes.
            classes: number of classes.
            unit: what was classified.
        """
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        correct = np.add.reduceat((true == predicted).astype(np.int64), starts)
        return cls._of_counts(
            utterances,
            tuple(map(int, correct)),
            tuple(map(int, lengths)),
            confusion_matrix(true, predicted, classes),
            unit,
        )

    @classmethod
    def pooled(cls, several: Sequence[Scores]) -> Scores:
        """The score of several test sets taken as one, such as the folds of a cross-validation.

        Raises:
            ValueError: nothing to pool, an utterance occurs twice, or units or classes differ.
        """
        kinds = {(scores.unit, len(scores.confusion)) for scores in several}
        if len(kinds) != 1:
            raise ValueError(f"expected scores of one unit and of the same classes, not {kinds}")
        utterances = tuple(chain.from_iterable(scores.utterances for scores in several))
        if len(set(utterances)) < len(utterances):
            raise ValueError("an utterance occurs twice among the scores")
        return cls._of_counts(
            utterances,
            tuple(chain.from_iterable(scores.correct for scores in several)),
            tuple(chain.from_iterable(scores.lengths for scores in several)),
            np.sum([scores.confusion for scores in several], axis=0, dtype=np.int64),
            several[0].unit,
        )

    @classmethod
    def _of_counts(
        cls,
        utterances: tuple[str, ...],
        correct: tuple[int, ...],
        lengths: tuple[int, ...],
        confusion: Counts,
        unit: Literal["frames", "utterances"],
    ) -> Scores:
        present = confusion.sum(1) > 0
        return cls(
            utterances=utterances,
            correct=correct,
            lengths=lengths,
            unit=unit,
            confusion=tuple(tuple(map(int, row)) for row in confusion),
            accuracy=accuracy_interval(correct, lengths),
            macro_f1=float(precision_recall_f1(confusion)[2][present].mean()),
        )

    @property
    def count(self) -> int:
        """What was classified: frames or utterances."""
        return sum(self.lengths)
