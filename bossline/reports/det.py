"""False accepts against false rejects of speaker verification, on axes of normal deviates."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from bossline.reports.style import (
    GRID,
    MUTED,
    PAPER,
    dress,
    new_figure,
    outside_legend,
    series,
)

Curve = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""False accepts and false rejects (K,) as normal deviates, from accepting all to accepting none."""

TICKS = (0.001, 0.01, 0.05, 0.2, 0.4)
_FIRST, _LAST = 0.0005, 0.6  # the rates that both axes reach from and to
_GAUSSIAN = NormalDist()


def det(curves: Mapping[str, Curve]) -> Figure:
    """DET curves (Martin et al., Eurospeech 1997) of named systems, equal error rates marked."""
    figure = new_figure(4.2, 4.5 + 0.18 * len(curves))
    axes = figure.subplots()
    dress(axes, title="Detection errors", x="false accepts", y="false rejects")
    ends = [_GAUSSIAN.inv_cdf(_FIRST), _GAUSSIAN.inv_cdf(_LAST)]
    axes.plot(ends, ends, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)))
    for place, (name, curve) in enumerate(curves.items()):
        rate = equal_error(curve)
        axes.plot(*curve, color=series(place), linewidth=1.8, label=f"{name}: EER {rate:.1%}")
        where = _GAUSSIAN.inv_cdf(min(max(rate, _FIRST), _LAST))
        axes.plot(
            [where],
            [where],
            "o",
            markersize=7,
            color=series(place),
            markerfacecolor=PAPER,
            markeredgewidth=1.8,
        )
    ticks = [_GAUSSIAN.inv_cdf(rate) for rate in TICKS]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ticks, [f"{rate * 100:g}%" for rate in TICKS])
        axis.grid(color=GRID, linewidth=0.8)
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    outside_legend(figure, "outside lower left", handlelength=1.8)
    return figure


def equal_error(curve: Curve) -> float:
    """The rate at which the errors of a curve are equal, its points joined as on the ROC."""
    accepts, rejects = curve
    after = min(max(int(np.searchsorted(rejects - accepts, 0)), 1), len(accepts) - 1)
    ends = slice(after - 1, after + 1)
    accepted, rejected = (
        np.array([_GAUSSIAN.cdf(deviate) for deviate in side[ends].tolist()]) for side in curve
    )
    return float(np.interp(0, rejected - accepted, rejected))
