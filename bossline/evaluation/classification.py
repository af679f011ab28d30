"""Scores of a classifier: accuracy, and the confusion matrix that all else follows from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bossline.evaluation.intervals import mean_interval
from bossline.evaluation.scores import Scores

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


class ClassificationScores(Scores):
    """Accuracy over frames, utterances or images."""

    metric: Literal["accuracy"] = "accuracy"
    confusion: tuple[tuple[int, ...], ...]
    macro_f1: float

    @classmethod
    def of(
        cls,
        ids: tuple[str, ...],
        lengths: npt.NDArray[np.int64],
        true: npt.NDArray[np.int64],
        predicted: npt.NDArray[np.int64],
        classes: int,
        unit: str = "frames",
    ) -> ClassificationScores:
        """Score predictions.

        Args:
            ids: (U,) of the items.
            lengths: (U,) what was classified of each: its frames, or 1, the item.
            true: (N,) labels, items end to end.
            predicted: (N,) classes.
            classes: number of classes.
            unit: what was classified.
        """
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        correct = np.add.reduceat((true == predicted).astype(np.int64), starts)
        return cls(
            ids=ids,
            sums=tuple(map(float, correct)),
            lengths=tuple(map(int, lengths)),
            unit=unit,
            score=mean_interval(correct, lengths, share=True),
            **_of_matrix(confusion_matrix(true, predicted, classes)),
        )

    def misfit(self, classes: int) -> str | None:
        """See Scores.misfit."""
        if {len(self.confusion), *map(len, self.confusion)} != {classes}:
            return f"confusion: expected {classes} rows and columns"
        if min(map(min, self.confusion)) < 0 or sum(map(sum, self.confusion)) != self.count:
            return f"confusion: its counts are not those of {self.count:,} {self.unit}"
        return super().misfit(classes)

    @property
    def others(self) -> dict[str, str]:
        return {"macro F1": f"{self.macro_f1:.4f}"}

    @property
    def _kind(self) -> tuple[object, ...]:
        return (*super()._kind, len(self.confusion))

    @staticmethod
    def _pooled_rest(several: Sequence[ClassificationScores]) -> dict[str, Any]:
        return _of_matrix(np.sum([one.confusion for one in several], axis=0, dtype=np.int64))


def _of_matrix(confusion: Counts) -> dict[str, Any]:
    present = confusion.sum(1) > 0
    return {
        "confusion": tuple(tuple(map(int, row)) for row in confusion),
        "macro_f1": float(precision_recall_f1(confusion)[2][present].mean()),
    }
