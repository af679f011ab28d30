"""How training went: score, loss and learning rate over time, several runs in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from bossline.core.language import term, tr
from bossline.figures.style import (
    MUTED,
    PAPER,
    SMALL,
    dress,
    new_figure,
    outside_legend,
    scale_scores,
    series,
)
from bossline.reports.order import labels
from bossline.runs.run import Run

NamedRuns = Sequence[Run] | Mapping[str, Run]


def learning_curves(runs: NamedRuns) -> Figure:
    """Score and loss per epoch: validation solid, training dashed, the best epoch ringed.

    Where the score is an error, it is the loss, and drawn once.

    Args:
        runs: at least one; of one measure. A dict names them, as that of a sweep's cells does.
    """
    names, runs = _named(runs)
    figure = new_figure(7.6, 3.7)
    metric = runs[0].metric
    titles: dict[str, str] = {metric.name: term(metric.words).capitalize()}
    if metric.higher_is_better:
        titles["loss"] = tr("Loss (nats)")
    panels = dict(zip(titles, figure.subplots(1, len(titles), squeeze=False).flat, strict=True))
    for measure, axes in panels.items():
        dress(axes, title=titles[measure], x=tr("epoch"), grid="y")
    for place, run in enumerate(runs):
        rows = [row for row in run.metrics() if row["kind"] == "epoch"]
        for measure, axes in panels.items():
            for split, dashes in (("validation", "-"), ("train", (0, (3, 2)))):
                drawn = [row for row in rows if f"{split}_{measure}" in row]
                axes.plot(
                    [row["epoch"] for row in drawn],
                    [row[f"{split}_{measure}"] for row in drawn],
                    linestyle=dashes,
                    color=series(place),
                    linewidth=1.8 if split == "validation" else 1.2,
                    marker="o" if len(rows) == 1 else "",
                    markersize=4,
                )
            for row in [row for row in rows if row["best"]][-1:]:  # each was best in its time
                _ring(axes, row["epoch"], row[f"validation_{measure}"], series(place))
    for axes in panels.values():
        axes.xaxis.set_major_locator(
            MaxNLocator(7, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
        )
        axes.margins(x=0.03)
    keys = (f"train_{metric.name}", f"validation_{metric.name}")
    scores = [row[key] for run in runs for row in run.metrics() for key in keys if key in row]
    scale_scores(panels[metric.name], metric, scores)
    _legend(figure, names, _kinds(any(run.recipe.split.validation for run in runs)))
    return figure


def _kinds(validated: bool) -> list[Line2D]:
    """What the legend says of lines, whoever's they are."""
    training = Line2D(
        [], [], color=MUTED, linewidth=1.2, linestyle=(0, (3, 2)), label=tr("training")
    )
    if not validated:
        return [training]
    ring = Line2D(
        [], [], color=MUTED, marker="o", linestyle="", markersize=7, markerfacecolor=PAPER,
        label=tr("best epoch"),
    )  # fmt: skip
    return [Line2D([], [], color=MUTED, linewidth=1.8, label=tr("validation")), training, ring]


def learning_rate(runs: NamedRuns) -> Figure:
    """The learning rate against the optimiser's step.

    Args:
        runs: as of `learning_curves`.
    """
    names, runs = _named(runs)
    figure = new_figure(3.5, 3.7)
    axes = figure.subplots()
    dress(axes, title=tr("Learning rate"), x=tr("step"), grid="y")
    for place, run in enumerate(runs):
        rows = [row for row in run.metrics() if row["kind"] == "step"]
        axes.plot(
            [row["step"] for row in rows],
            [row["lr"] for row in rows],
            color=series(place),
            linewidth=1.8,
        )
    axes.set_ylim(bottom=0)
    axes.margins(x=0.03)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    axes.yaxis.get_offset_text().set(color=MUTED, fontsize=SMALL)
    _legend(figure, names, [])
    return figure


def _ring(axes: Axes, x: float, y: float, colour: str) -> None:
    axes.plot([x], [y], "o", markersize=8, markerfacecolor=PAPER, color=colour, markeredgewidth=1.8)


def _named(given: NamedRuns) -> tuple[dict[int, str], Sequence[Run]]:
    """Places and names of several runs, without those that were fitted and have no curve; and all
    the runs."""
    runs = list(given.values()) if isinstance(given, Mapping) else given
    if len(runs) == 1:
        return {}, runs
    names = list(given) if isinstance(given, Mapping) else labels(runs)
    return {place: name for place, name in enumerate(names) if runs[place].metrics()}, runs


def _legend(figure: Figure, names: dict[int, str], kinds: list[Line2D]) -> None:
    """One legend below both panels: colours are runs, dashes are splits."""
    handles = [
        Line2D([], [], color=series(place), linewidth=3, label=name)
        for place, name in names.items()
    ]
    if not handles and not kinds:
        return
    outside_legend(
        figure,
        "outside lower left",
        handles + kinds,
        ncols=3 if kinds else 2,
        handlelength=1.8,
        columnspacing=1.4,
    )
