"""False accepts and false rejects over all thresholds, and the figures that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError

Floats = npt.NDArray[np.float64]


class EqualErrorRate(NamedTuple):
    """The rate at which false accepts and false rejects are equal, and the nearest threshold."""

    rate: float
    threshold: float


@dataclass(frozen=True, eq=False)
class ErrorRates:
    """The K + 1 operating points of K distinct scores, from accepting all to accepting none.

    A trial is accepted if its score is at least the threshold, so equal scores go together.

    Attributes:
        thresholds: (K + 1,) ascending: the lowest score, half way between neighbouring scores,
            just above the highest.
        false_accepts: (K + 1,) share of the non-target trials that are accepted, descending.
        false_rejects: (K + 1,) share of the target trials that are rejected, ascending.
    """

    thresholds: Floats
    false_accepts: Floats
    false_rejects: Floats

    def equal(self) -> EqualErrorRate:
        """Where the ROC polygon, straight between operating points, meets equal error rates.

        A constant score has 0.5, a perfect one 0. The threshold is of the operating point whose
        two rates are nearest to each other.
        """
        gap = self.false_rejects - self.false_accepts  # ascends from -1 to 1
        after = int(np.searchsorted(gap, 0))
        before = after - 1
        part = -gap[before] / (gap[after] - gap[before])
        step = self.false_rejects[after] - self.false_rejects[before]
        nearest = before if -gap[before] < gap[after] else after
        return EqualErrorRate(
            rate=float(self.false_rejects[before] + part * step),
            threshold=float(self.thresholds[nearest]),
        )

    def costs(self, p_target: float, c_miss: float = 1.0, c_fa: float = 1.0) -> Floats:
        """Detection cost of each operating point (K + 1,), as NIST normalises it.

        1 is the cost of the better of accepting all and accepting none (The NIST Year 2010
        Speaker Recognition Evaluation Plan).

        Args:
            p_target: prior probability of a target trial.
            c_miss: cost of a false reject.
            c_fa: cost of a false accept.

        Raises:
            UserError: the prior is not between 0 and 1, or a cost is not positive.
        """
        if not 0 < p_target < 1:
            raise UserError(f"p_target {p_target}: expected a probability between 0 and 1")
        if not min(c_miss, c_fa) > 0:
            raise UserError(f"costs {c_miss} and {c_fa}: expected positive numbers")
        miss, false_alarm = c_miss * p_target, c_fa * (1 - p_target)
        costs = miss * self.false_rejects + false_alarm * self.false_accepts
        normalised: Floats = costs / min(miss, false_alarm)
        return normalised


class RankedTrials:
    """Trials sorted by score once; their error rates follow for any weights of the trials."""

    def __init__(self, scores: npt.ArrayLike, labels: npt.ArrayLike) -> None:
        """
        Args:
            scores: (N,) higher for one speaker.
            labels: (N,) bool, whether a trial is a target trial: one speaker.

        Raises:
            UserError: different lengths, a score that is not finite, or trials of one kind only.
        """
        values, targets = np.asarray(scores, np.float64), np.asarray(labels, np.bool_)
        if values.ndim != 1 or values.shape != targets.shape:
            raise UserError(
                f"scores {values.shape} and labels {targets.shape}: expected a row of equal lengths"
            )
        if not np.isfinite(values).all():
            first = int(np.flatnonzero(~np.isfinite(values))[0])
            raise UserError(f"score {first + 1} of {len(values)} is {values[first]}")
        if targets.all() or not targets.any():
            found = f"{targets.sum()} target and {(~targets).sum()} non-target trials"
            raise UserError(f"error rates need trials of both kinds; there are {found}")
        self._order = np.argsort(values, kind="stable")
        ranked = values[self._order]
        self._targets = targets[self._order]
        self._last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
        low, high = ranked[self._last[:-1]], ranked[self._last[1:]]
        # The half of two neighbouring floats may round down to the lower, which it must reject.
        between = np.clip(low / 2 + high / 2, np.nextafter(low, high), high)
        above = np.nextafter(ranked[-1], np.inf)
        self._thresholds = np.concatenate([ranked[:1], between, [above]])

    def rates(self, weights: Floats | None = None) -> ErrorRates:
        """Error rates, a trial counted as often as its weight says.

        Args:
            weights: (N,) at least 0, more than 0 for one trial of each kind; else 1 each.
        """
        ranked = np.ones(len(self._order)) if weights is None else weights[self._order]
        rejected = np.append(0.0, np.cumsum(ranked)[self._last])
        misses = np.append(0.0, np.cumsum(np.where(self._targets, ranked, 0.0))[self._last])
        passes = rejected - misses
        return ErrorRates(
            thresholds=self._thresholds,
            false_accepts=(passes[-1] - passes) / passes[-1],
            false_rejects=misses / misses[-1],
        )


def error_rates(scores: npt.ArrayLike, labels: npt.ArrayLike) -> ErrorRates:
    """Error rates over all thresholds; arguments and errors are those of `RankedTrials`."""
    return RankedTrials(scores, labels).rates()


def equal_error_rate(scores: npt.ArrayLike, labels: npt.ArrayLike) -> EqualErrorRate:
    """The equal error rate of scores (N,) of trials that are target trials, or not: labels (N,)."""
    return error_rates(scores, labels).equal()


def min_dcf(
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    p_target: float,
    c_miss: float = 1.0,
    c_fa: float = 1.0,
) -> float:
    """The least detection cost of scores (N,) over all thresholds; see `ErrorRates.costs`."""
    return float(error_rates(scores, labels).costs(p_target, c_miss, c_fa).min())
