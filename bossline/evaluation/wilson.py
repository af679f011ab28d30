"""The score interval of a share of independent trials (Wilson 1927)."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

from bossline.evaluation.intervals import Interval

_Z = NormalDist().inv_cdf(0.975)


def wilson_interval(hits: int, count: int) -> Interval:
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
