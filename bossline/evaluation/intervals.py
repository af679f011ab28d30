"""Bootstrap intervals over items: the frames of one utterance are not independent.

Redrawing finds no width where all items are alike: of four images that are all right every redraw
is all right. The interval of a share is then Wilson's, with an item for a trial; of what has no
upper end, as squared errors, there is none, and text says so.
"""

from __future__ import annotations

from math import isclose, sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from bossline.core.config import Config

RESAMPLES = 2000
_BLOCK = 100  # redraws in memory at a time


class Interval(Config):
    """A score and the range that holds it in 95 of 100 redrawn test sets.

    Both ends are the score itself where there is no telling.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} {self.ends()}"

    @property
    def has_width(self) -> bool:
        """Beyond what rounding makes of equal values."""
        return not isclose(self.low, self.high, rel_tol=1e-9, abs_tol=1e-15)

    def ends(self, form: str = ".4f") -> str:
        """Where it lies, in brackets.

        >>> Interval(value=0.5, low=0.25, high=0.75).ends(".2f")
        '[0.25, 0.75]'
        """
        if not self.has_width:
            return "[no interval]"
        return f"[{self.low:{form}}, {self.high:{form}}]"


def mean_interval(
    sums: npt.ArrayLike, lengths: npt.ArrayLike, *, share: bool = False, seed: int = 0
) -> Interval:
    """A mean over what is scored with a percentile bootstrap interval over items (Efron 1979).

    Items are redrawn with replacement and the mean is taken over all that is scored in them, so
    long utterances weigh as they do in the score itself.

    Args:
        sums: (U,) of each item: its frames that are right, say.
        lengths: (U,) what is scored of each: frames, say, or 1.
        share: of a whole, 0 to 1: where items do not differ, the interval is Wilson's.
        seed: of the redraws; the same seed pairs the redraws of two runs.
    """
    redrawn = redrawn_sums(np.array([sums, lengths], np.float64).T, seed=seed)
    low, high = np.quantile(redrawn[:, 0] / redrawn[:, 1], [0.025, 0.975])
    value = float(np.sum(sums) / np.sum(lengths))
    found = Interval(value=value, low=float(low), high=float(high))
    return widened(found, np.size(lengths)) if share else found


def widened(interval: Interval, items: int) -> Interval:
    """The interval of a share; where redraws of the items gave it no width, Wilson's."""
    if interval.has_width or not 0 <= interval.value <= 1:
        return interval
    return wilson_interval(interval.value * items, items)


def redrawn_sums(counts: npt.NDArray[np.float64], *, seed: int = 0) -> npt.NDArray[np.float64]:
    """Sums over items that are redrawn with replacement, the same draw for all columns.

    Args:
        counts: (U, K) of each item.
        seed: of the redraws.

    Returns:
        (RESAMPLES, K).
    """
    items = len(counts)
    even = np.full(items, 1 / items)
    generator = np.random.default_rng(seed)
    blocks = [
        generator.multinomial(items, even, size=_BLOCK) @ counts for _ in range(RESAMPLES // _BLOCK)
    ]
    return np.concatenate(blocks)


# The score interval of a share of independent trials (Wilson 1927).


_Z = NormalDist().inv_cdf(0.975)


def wilson_interval(hits: float, count: int) -> Interval:
    """A share with its 95 % interval, which holds for few trials and for shares near 0 and 1.

    Brown, Cai and DasGupta (2001) recommend it over the normal approximation, which has no width
    where all or none hit.

    Args:
        hits: 0 to `count`.
        count: of trials, at least 1.
    """
    share, square = hits / count, _Z * _Z / count
    middle = share + square / 2
    reach = _Z * sqrt(share * (1 - share) / count + square / (4 * count))
    low, high = (middle - reach) / (1 + square), (middle + reach) / (1 + square)
    # Where none or all hit, an end is the share itself, but for rounding.
    return Interval(value=share, low=min(max(low, 0.0), share), high=max(min(high, 1.0), share))
