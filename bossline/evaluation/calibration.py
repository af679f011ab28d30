"""Is a network as often right as it says? Reliability and expected calibration error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

BINS = 15
Binning = Literal["equal-width", "equal-mass"]


@dataclass(frozen=True)
class CalibrationBin:
    """Predictions of about one confidence.

    Attributes:
        low: where the bin begins, a confidence in 0..1; of equal mass: its least one.
        high: where it ends, or its greatest one.
        count: predictions, at least 1.
        confidence: their mean.
        accuracy: the share of them that is right.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def calibration_bins(
    confidences: npt.ArrayLike,
    correct: npt.ArrayLike,
    *,
    binning: Binning = "equal-width",
    bins: int = BINS,
) -> list[CalibrationBin]:
    """Predictions by rising confidence, in bins; empty ones are left out.

    Args:
        confidences: (N,) probability of the class that was predicted, N at least 1.
        correct: (N,) bool.
        binning: bins of equal width, (k / bins, (k + 1) / bins] (Guo et al. 2017, arXiv
            1706.04599), or of equal mass: about as many predictions each, equally sure ones
            together (Nixon et al. 2019, arXiv 1904.01685).
    """
    sure, right = np.asarray(confidences, np.float64), np.asarray(correct, np.bool_)
    place = _by_width(sure, bins) if binning == "equal-width" else _by_mass(sure, bins)
    found = []
    for number in np.unique(place):
        inside = place == number
        low, high = number / bins, (number + 1) / bins
        if binning == "equal-mass":
            low, high = sure[inside].min(), sure[inside].max()
        found.append(
            CalibrationBin(
                low=float(low),
                high=float(high),
                count=int(inside.sum()),
                confidence=float(sure[inside].mean()),
                accuracy=float(right[inside].mean()),
            )
        )
    return found


def expected_calibration_error(bins: Sequence[CalibrationBin]) -> float:
    """Mean distance of confidence and accuracy, each bin with the weight of its count (ECE)."""
    total = sum(found.count for found in bins)
    return sum(found.count * abs(found.confidence - found.accuracy) for found in bins) / total


def chance_error(bins: Sequence[CalibrationBin]) -> float:
    """The ECE to be expected of a network that is right exactly as often as it says.

    It is not zero over few predictions: the accuracy of a bin spreads around its confidence about
    normally, sqrt(c (1 - c) / n), and the mean distance is sqrt(2 / pi) of that. As if predictions
    were independent, which the frames of an utterance are not: then it is more.
    """
    total = sum(found.count for found in bins)
    spreads = [
        math.sqrt(found.count * max(found.confidence * (1 - found.confidence), 0.0))
        for found in bins
    ]
    return math.sqrt(2 / math.pi) * sum(spreads) / total


def _by_width(confidences: npt.NDArray[np.float64], bins: int) -> npt.NDArray[np.int64]:
    """(N,) number of each one's bin."""
    return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidences, side="left")


def _by_mass(confidences: npt.NDArray[np.float64], bins: int) -> npt.NDArray[np.int64]:
    """(N,) number of each one's bin; equal confidences are where their middle falls."""
    _, place, counts = np.unique(confidences, return_inverse=True, return_counts=True)
    middles = np.cumsum(counts) - counts / 2
    return (middles * bins / len(confidences)).astype(np.int64)[place]
