"""The detection error trade-off curve (Martin et al., Eurospeech 1997)."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

from bossline.tasks.base import OpenRun
from bossline.tasks.speaker.verification.error_rates import Floats, error_rates
from bossline.training.contents import DET


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


def write_det(run: OpenRun, accepts: Floats, rejects: Floats) -> None:
    """Keep a run's DET curve, as `det_curve` gives it."""
    run.write(DET, save({"false_accepts": accepts, "false_rejects": rejects}))


def read_det(run: OpenRun) -> tuple[Floats, Floats] | None:
    """The run's DET curve: false accepts and false rejects (K,), as `det_curve` gives them.

    None where the run was not asked to verify speakers.

    Raises:
        UserError: the file is damaged.
    """
    if (arrays := run.tensors(DET)) is None:
        return None
    sides = [arrays.get(name, np.empty(0)) for name in ("false_accepts", "false_rejects")]
    accepts, rejects = sides
    if accepts.ndim != 1 or accepts.shape != rejects.shape or len(accepts) < 2:
        shapes = " and ".join(str(side.shape) for side in sides)
        raise run.damaged(DET, f"false accepts and false rejects of shapes {shapes}")
    for side, falling in zip(sides, (-1, 1), strict=True):
        if side.dtype.kind != "f" or not np.isfinite(side).all():
            raise run.damaged(DET, "it holds what is no number")
        if (falling * np.diff(side) < 0).any():
            raise run.damaged(DET, "it holds no curve")
    return accepts.astype(np.float64), rejects.astype(np.float64)
