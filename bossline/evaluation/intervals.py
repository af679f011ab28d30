"""Bootstrap intervals over utterances: the frames of one utterance are not independent."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bossline.config import Config

RESAMPLES = 2000


class Interval(Config):
    """A score and the range that holds it in 95 of 100 redrawn test sets."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


def accuracy_interval(correct: npt.ArrayLike, lengths: npt.ArrayLike, *, seed: int = 0) -> Interval:
    """Frame accuracy with a percentile bootstrap interval over utterances (Efron 1979).

    Utterances are redrawn with replacement and the accuracy is taken over all their frames, so
    long utterances weigh as they do in the score itself.

    Args:
        correct: (U,) correctly labelled frames of each utterance.
        lengths: (U,) frames of each utterance.
        seed: of the redraws; the same seed pairs the redraws of two runs.
    """
    right, total = np.asarray(correct, np.float64), np.asarray(lengths, np.float64)
    count = len(right)
    generator = np.random.default_rng(seed)
    draws = generator.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    low, high = np.quantile((draws @ right) / (draws @ total), [0.025, 0.975])
    return Interval(value=float(right.sum() / total.sum()), low=float(low), high=float(high))
