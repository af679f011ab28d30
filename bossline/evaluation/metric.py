"""What a score measures, and which way is up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MetricName = Literal["accuracy", "mse"]


@dataclass(frozen=True)
class Metric:
    """A mean over what is scored: hits, or squared errors.

    Attributes:
        name: its key in files, as in `validation_accuracy`.
        words: in a sentence.
        short: on a line of the log.
        higher_is_better: whether it is maximised.
    """

    name: MetricName
    words: str
    short: str
    higher_is_better: bool

    def gain(self, score: float) -> float:
        """The score, or its negative: a higher gain is always better."""
        return score if self.higher_is_better else -score


ACCURACY = Metric("accuracy", "accuracy", "acc", True)
MSE = Metric("mse", "mean squared error", "mse", False)

METRICS: dict[MetricName, Metric] = {metric.name: metric for metric in (ACCURACY, MSE)}
