"""What a score costs."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from bossline.core.language import term, tr
from bossline.figures.style import SERIES, dress, new_figure, outside_legend, series
from bossline.reports.wording import axis_of
from bossline.studies.compare import Compared

_MARKERS = "os^Dv"  # when the colours are used up
_ROOM = 2.0  # a factor on both sides of the data, so that one round number is in sight at least
_WIDE = 50.0  # from which factor on powers of ten are ticks enough


def efficiency(compared: Compared) -> Figure:
    """Test score with its interval against multiply-accumulates, and those of a training.

    Entries without known costs are left out.
    """
    figure = new_figure(7.6, 4.2)
    per_item, training = figure.subplots(1, 2, sharey=True)
    y = axis_of(compared.standings.metric)
    dress(
        per_item, x=tr("multiply-accumulates per {item}", item=term(compared.item)), y=y, grid="y"
    )
    dress(training, x=tr("multiply-accumulates of the training"), grid="y")
    handles = []
    for place, (entry, costs) in enumerate(
        zip(compared.standings.entries, compared.costs, strict=True)
    ):
        if costs is None:
            continue
        score = entry.score
        reach = [[score.value - score.low], [score.high - score.value]]
        marker = _MARKERS[place // len(SERIES) % len(_MARKERS)]
        look: dict[str, Any] = {"color": series(place), "marker": marker, "markersize": 6}
        handles.append(Line2D([], [], linestyle="", label=entry.name, **look))
        for axes, cost in ((per_item, costs.per_item), (training, costs.training)):
            if cost:
                axes.errorbar([cost], [score.value], yerr=reach, linewidth=1.8, **look)
    for axes in (per_item, training):
        _measure(axes)
    outside_legend(figure, "outside lower left", handles, ncols=2)
    return figure


def _measure(axes: Axes) -> None:
    """A logarithmic axis with a few round ticks."""
    if not axes.has_data():
        axes.set_visible(False)
        return
    axes.set_xscale("log")
    low, high = axes.dataLim.intervalx
    axes.set_xlim(low / _ROOM, high * _ROOM)
    axes.margins(y=0.1)
    steps = (1.0, 2.0, 5.0) if high < _WIDE * low else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(subs=steps))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
