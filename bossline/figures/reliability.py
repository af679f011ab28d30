"""Accuracy against confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bossline.core.language import tr
from bossline.evaluation.calibration import Binning, CalibrationBin
from bossline.figures.style import DASHES, MUTED, SERIES, dress, new_figure, outside_legend


def reliability(found: Mapping[Binning, Sequence[CalibrationBin]]) -> Figure:
    """Bars of equal width, pale where few; points of equal mass.

    Args:
        found: bins of both kinds.
    """
    figure = new_figure(3.7, 3.9)
    axes = figure.subplots()
    dress(axes, title=tr("Calibration"), x=tr("confidence"), y=tr("accuracy"), grid="y")
    wide, heavy = found["equal-width"], found["equal-mass"]
    most = max(b.count for b in wide)
    axes.bar(
        [b.low for b in wide],
        [b.accuracy for b in wide],
        [0.94 * (b.high - b.low) for b in wide],
        align="edge",
        color=[to_rgba(SERIES[0], 0.1 + 0.5 * (b.count / most) ** 0.5) for b in wide],
        label=tr("bins of equal width"),
    )
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=DASHES)
    axes.plot(
        [b.confidence for b in heavy],
        [b.accuracy for b in heavy],
        "o-",
        color=SERIES[1],
        linewidth=1.2,
        markersize=4,
        label=tr("bins of equal mass"),
    )
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    outside_legend(figure, "outside lower left", ncols=2, handlelength=1.2, columnspacing=1.4)
    return figure
