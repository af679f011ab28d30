"""How sure each phone of a string is: the network's probability, made true on strings it has not
learnt from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_LEAST = 1e-6  # how near to 0 or 1 a probability may be
_STEPS = 100  # of Newton's method, which needs some ten


def calibrated(confidences: npt.ArrayLike, slope: float, offset: float) -> Floats:
    """Probabilities of being right, of any shape: log-odds stretched and moved."""
    odds = slope * _log_odds(confidences) + offset
    return np.asarray(1 / (1 + np.exp(-odds)))


def fit_calibration(confidences: npt.ArrayLike, right: npt.ArrayLike) -> tuple[float, float]:
    """Slope and offset of log-odds by which they are as often right as they say (Platt 1999).

    With Platt's targets, which keep the slope finite where all are right; of no confidences at
    all, those that change nothing.

    Args:
        confidences: (N,) of strings that the network has not learnt from.
        right: (N,) bool.
    """
    sure, hits = _log_odds(confidences), np.asarray(right, np.bool_)
    if not len(sure):
        return 1.0, 0.0
    positive = int(hits.sum())
    negative = len(hits) - positive
    target = np.where(hits, (positive + 1) / (positive + 2), 1 / (negative + 2))
    inputs = np.stack([sure, np.ones_like(sure)], 1)
    # From what needs no confidence, the share of right ones: from there Newton does not overshoot.
    found = np.array([0.0, np.log((positive + 1) / (negative + 1))])
    for _ in range(_STEPS):
        told = 1 / (1 + np.exp(-inputs @ found))
        # A little on the diagonal: of equal confidences one number says all.
        curve = (inputs.T * (told * (1 - told))) @ inputs + 1e-9 * len(sure) * np.eye(2)
        step = np.linalg.solve(curve, inputs.T @ (told - target))
        found = found - step
        if np.abs(step).max() < 1e-10:
            break
    return float(found[0]), float(found[1])


def _log_odds(probabilities: npt.ArrayLike) -> Floats:
    bounded = np.clip(np.asarray(probabilities, np.float64), _LEAST, 1 - _LEAST)
    return np.asarray(np.log(bounded / (1 - bounded)))
