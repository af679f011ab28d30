"""The detection error trade-off curve (Martin et al., Eurospeech 1997)."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from bossline.tasks.speaker.verification.error_rates import Floats, error_rates


def det_curve(scores: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Floats, Floats]:
    """False accepts and false rejects of every operating point as normal deviates.

    Gaussian scores give a straight line. A rate of 0 or 1 is infinitely far away and is drawn half
    a trial from its edge (Macmillan and Kaplan 1985).

    Args:
        scores: (N,).
        labels: (N,) bool, whether a trial is a target trial.

    Returns:
        (K + 1,) and (K + 1,) for K distinct scores: x and y of the curve.
    """
    rates = error_rates(scores, labels)
    targets = int(np.count_nonzero(labels))
    nontargets = np.size(labels) - targets
    return _probit(rates.false_accepts, nontargets), _probit(rates.false_rejects, targets)


def _probit(rates: Floats, trials: int) -> Floats:
    edge = 0.5 / trials
    values, where = np.unique(np.clip(rates, edge, 1 - edge), return_inverse=True)
    return np.array([NormalDist().inv_cdf(value) for value in values.tolist()])[where]
