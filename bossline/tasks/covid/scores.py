"""Scores of a regression: mean squared error, its root, and the share of variance explained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bossline.core.counting import counted
from bossline.core.language import tr
from bossline.evaluation.intervals import Interval, mean_interval
from bossline.evaluation.scores import Scores

Floats = npt.NDArray[np.float64]


class RegressionScores(Scores):
    """Mean squared error over rows."""

    metric: Literal["mse"] = "mse"
    true: tuple[float, ...]
    predicted: tuple[float, ...]

    @classmethod
    def of(cls, ids: tuple[str, ...], true: Floats, predicted: Floats) -> RegressionScores:
        """Score predictions.

        Args:
            ids: (N,) of the rows.
            true: (N,) targets.
            predicted: (N,).
        """
        sums = (true - predicted) ** 2
        lengths = np.ones(len(sums), np.int64)
        return cls(
            ids=ids,
            sums=tuple(map(float, sums)),
            lengths=tuple(map(int, lengths)),
            unit="rows",
            score=mean_interval(sums, lengths),
            true=tuple(map(float, true)),
            predicted=tuple(map(float, predicted)),
        )

    def misfit(self, classes: int) -> str | None:
        """See Scores.misfit."""
        if {len(self.true), len(self.predicted)} != {self.count} or min(self.sums, default=0) < 0:
            return f"{len(self.true)} true and {len(self.predicted)} predicted values"
        return super().misfit(classes)

    @property
    def others(self) -> dict[str, str]:
        return {"RMSE [95 %]": str(self.rmse), "R²": f"{self.r2:.4f}"}

    @property
    def rmse(self) -> Interval:
        """Root of the mean squared error; a root keeps order, so the interval's ends are rooted."""
        value, low, high = np.sqrt([self.score.value, self.score.low, self.score.high])
        return Interval(value=float(value), low=float(low), high=float(high))

    @property
    def r2(self) -> float:
        """1 - squared error / squared error of the mean target; NaN where targets are all equal."""
        spread = np.var(self.true)
        return float(1 - self.score.value / spread) if spread > 0 else float("nan")

    @staticmethod
    def _pooled_rest(several: Sequence[RegressionScores]) -> dict[str, Any]:
        return {
            "true": tuple(value for one in several for value in one.true),
            "predicted": tuple(value for one in several for value in one.predicted),
        }


def explained(test: RegressionScores, target: str) -> str:
    """What predictions are worth, in the beginning of a sentence."""
    low, high = test.score.low, test.score.high
    interval = (
        tr("(95% interval {low:.4f} to {high:.4f})", low=low, high=high)
        if test.score.has_width
        else tr("(no interval)")
    )
    text = tr(
        "Predicts {target} of {rows} with a mean squared error of {error:.4f} {interval}, RMSE "
        "{rmse:.4f}",
        target=target,
        rows=counted(test.count, "test row"),
        error=test.score.value,
        interval=interval,
        rmse=test.rmse.value,
    )
    if test.r2 > 0:
        return text + tr("; explains {share:.1%} of the variance", share=test.r2)
    return (
        text if math.isnan(test.r2) else text + tr("; the mean target would do as well or better")
    )
