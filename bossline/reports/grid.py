"""The cells of a sweep in pictures: scores along an axis, over two axes, and over the epochs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator, NullLocator

from bossline.core.language import tr
from bossline.evaluation.scores import Metric
from bossline.figures.style import (
    GRID,
    HEAT_COLOURS,
    INK,
    MUTED,
    SERIES,
    SMALL,
    dress,
    folded,
    is_wide,
    new_figure,
    outside_legend,
    readable_on_heat,
    scale_scores,
    series,
)
from bossline.reports.wording import axis_of
from bossline.studies.grid import Axis
from bossline.studies.standings import Entry
from bossline.studies.sweep import Sweep

Dashes = Literal["-"] | tuple[float, tuple[float, ...]]
_DASHES: tuple[Dashes, ...] = ("-", (0, (4, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)))
_PANELS = 4  # beside each other
_VALIDATION: dict[str, Any] = {
    "marker": "D", "linestyle": "", "markersize": 5, "markerfacecolor": "none"
}  # fmt: skip


def dots(found: Sweep) -> Figure:
    """Test score of each cell with its interval and its validation score, a row a cell."""
    entries = found.entries
    figure = new_figure(7.6, 1.2 + 0.34 * len(entries))
    axes = figure.subplots()
    dress(axes, x=axis_of(found.metric, ""), grid="x")
    if reference := entries.get(found.study.reference):
        axes.axvline(reference.score.value, color=MUTED, linewidth=1, linestyle=(0, (3, 2)))
    for row, (place, entry) in enumerate(entries.items()):
        score = entry.score
        axes.plot([score.low, score.high], [row, row], color=SERIES[0], linewidth=2)
        axes.plot([score.value], [row], "o", markersize=6, color=SERIES[0])
        axes.plot([found.validation(place)], [row], **_VALIDATION, color=SERIES[0])
    names = folded([entry.name for entry in entries.values()])
    axes.set_yticks(range(len(entries)), names, color=INK, parse_math=False)
    axes.set_ylim(len(entries) - 0.4, -0.6)
    outside_legend(figure, "outside upper left", _splits(), ncols=2)
    return figure


def lines(found: Sweep) -> Figure:
    """Score against the values of an axis, with intervals; with two axes a line a value.

    Validation scores, by which a cell is chosen, stand beside as hollow marks.
    """
    along, other = _along(found.study.axes)
    figure = new_figure(5.6, 4.0)
    axes = figure.subplots()
    dress(axes, x=along.key, y=axis_of(found.metric, ""), grid="y")
    positions = _positions(axes, along)
    many = other.values if other else ("",)
    for number, value in enumerate(many):
        points = [
            (position, found.entries[place].score, found.validation(place))
            for position, text in zip(positions, along.values, strict=True)
            if (place := _at(found, {along: text} | ({other: value} if other else {}))) is not None
        ]
        if not points:
            continue
        x, scores, validation = zip(*sorted(points, key=lambda point: point[0]), strict=True)
        reach = [
            [score.value - score.low for score in scores],
            [score.high - score.value for score in scores],
        ]
        axes.errorbar(
            x,
            [score.value for score in scores],
            yerr=np.maximum(reach, 0),
            color=series(number),
            linestyle=_dashes(number) if along.numbers else "",
            marker="o",
            markersize=5,
            linewidth=1.8,
            elinewidth=1.2,
            capsize=3,
        )
        axes.plot(x, validation, **_VALIDATION, color=series(number))
    handles = _splits()
    if other:
        handles += _handles([f"{other.key} {value}" for value in many])
    outside_legend(figure, "outside lower left", handles, ncols=2, handlelength=2.4)
    return figure


def heat_map(found: Sweep) -> Figure:
    """Validation and test score over two axes: the first goes down, the second to the right."""
    down, right = found.study.axes
    places = [[_at(found, {down: row, right: column}) for column in right.values]
              for row in down.values]  # fmt: skip
    tables = {
        tr("Validation"): _table(places, found.validation),
        tr("Test"): _table(places, lambda place: found.entries[place].score.value),
    }
    width = 1.0 + 1.5 * len(right.values)
    figure = new_figure(width, 1.3 + 0.42 * len(down.values))
    panels = zip(figure.subplots(1, 2, sharey=True), tables.items(), strict=True)
    for place, (axes, (title, scores)) in enumerate(panels):
        dress(axes, title=title, x=right.key, y="" if place else down.key)
        _fill(axes, scores, found.metric)
        axes.set_xticks(range(len(right.values)), folded(right.values, 12), parse_math=False)
        axes.set_yticks(range(len(down.values)), down.values, parse_math=False)
    return figure


def _table(
    places: Sequence[Sequence[int | None]], score_of: Callable[[int], float]
) -> npt.NDArray[np.float64]:
    return np.array([[np.nan if at is None else score_of(at) for at in row] for row in places])


def _fill(axes: Axes, scores: npt.NDArray[np.float64], metric: Metric) -> None:
    """Each score in a field whose colour says how good it is; nothing where there is none."""
    axes.set_facecolor(GRID)
    gains = np.where(np.isnan(scores), np.nan, np.vectorize(metric.gain)(scores))
    low, high = np.nanmin(gains), np.nanmax(gains)
    axes.imshow(gains, cmap=HEAT_COLOURS, vmin=low, vmax=high, interpolation="none", aspect="auto")
    for (row, column), score in np.ndenumerate(scores):
        if not np.isnan(score):
            share = (metric.gain(score) - low) / (high - low) if high > low else 0.0
            axes.text(
                column,
                row,
                f"{score:.4f}",
                ha="center",
                va="center",
                fontsize=SMALL,
                color=readable_on_heat(share),
            )


def compared_curves(found: Sweep) -> Figure:
    """Validation score of every cell by epoch, mean over the seeds that got so far."""
    entries = list(found.entries.values())
    columns = 2
    figure = new_figure(7.6, 3.4 + 0.2 * (len(entries) / columns))
    axes = figure.subplots()
    dress(axes, x=tr("epoch"), y=axis_of(found.metric, "validation"), grid="y")
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    axes.margins(x=0.03)
    curves = [_validation(entry) for entry in entries]
    for number, curve in enumerate(curves):
        axes.plot(
            list(curve),
            list(curve.values()),
            color=series(number),
            linestyle=_dashes(number),
            linewidth=1.6,
            marker="o" if len(curve) == 1 else "",
            markersize=5,
        )
    scale_scores(axes, found.metric, [score for curve in curves for score in curve.values()])
    handles = _handles([entry.name for entry in entries])
    outside_legend(figure, "outside lower left", handles, ncols=columns, handlelength=2.4)
    return figure


def have_rates(found: Sweep) -> bool:
    """Whether any cell told its learning rate."""
    return any(map(_rates, found.entries.values()))


def _rates(entry: Entry) -> tuple[tuple[int, float], ...]:
    """Steps with their learning rates."""
    rows = entry.runs[0].metrics()
    return tuple((row["step"], row["lr"]) for row in rows if row["kind"] == "step")


def compared_rates(found: Sweep) -> Figure:
    """The learning rate of every cell by step, a panel each; cells of one schedule share theirs.

    Of the first seed: the schedule is the same for all.

    Args:
        found: with the rates of one cell at least, see `have_rates`.
    """
    curves: dict[tuple[tuple[int, float], ...], list[str]] = {}
    for entry in found.entries.values():
        if rates := _rates(entry):
            curves.setdefault(rates, []).append(entry.name)
    columns = min(_PANELS, len(curves))
    rows_of_panels = -(-len(curves) // columns)
    figure = new_figure(7.6, 0.4 + 2.0 * rows_of_panels)
    panels = figure.subplots(rows_of_panels, columns, squeeze=False, sharex=True, sharey=True).flat
    for number, (curve, names) in enumerate(curves.items()):
        title = tr("all cells") if len(curves) == 1 else "\n".join(names)
        axes = next(panels)
        dress(axes, x=tr("step"), y="" if number % columns else tr("learning rate"), grid="y")
        axes.set_title(title, loc="left", fontsize=SMALL, color=INK, parse_math=False)
        axes.plot(*zip(*curve, strict=True), color=SERIES[0], linewidth=1.6)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
        axes.yaxis.get_offset_text().set(color=MUTED, fontsize=SMALL)
    figure.axes[0].set_ylim(bottom=0)  # of all panels, now that all curves are there
    for axes in panels:
        axes.set_visible(False)
    return figure


def _validation(entry: Entry) -> dict[int, float]:
    by_epoch: dict[int, list[float]] = {}
    for run in entry.runs:
        for row in run.metrics():
            if row["kind"] == "epoch":
                by_epoch.setdefault(row["epoch"], []).append(row[f"validation_{run.metric.name}"])
    return {epoch: fmean(scores) for epoch, scores in by_epoch.items()}


def _along(axes: tuple[Axis, ...]) -> tuple[Axis, Axis | None]:
    """Which axis goes to the right, numbers rather than names, and which tells lines apart."""
    if len(axes) == 1:
        return axes[0], None
    first, second = axes
    return (first, second) if first.numbers and not second.numbers else (second, first)


def _positions(axes: Axes, along: Axis) -> list[float]:
    """Where the values stand, with the ticks set."""
    numbers = along.numbers
    if numbers is None:
        axes.set_xticks(range(len(along.values)), along.values, parse_math=False)
        axes.margins(x=0.15)
        return list(map(float, range(len(along.values))))
    if is_wide(numbers):
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(numbers, along.values, parse_math=False)
    return list(numbers)


def _at(found: Sweep, values: dict[Axis, str]) -> int | None:
    """The cell at a point of the grid, if its runs are there."""
    changes = {f"{axis.key}={value}" for axis, value in values.items()}
    return next(
        (place for place in found.entries if set(found.study.cells[place].overrides) == changes),
        None,
    )


def _dashes(number: int) -> Dashes:
    """Colours repeat after six; the dashes tell the rounds apart."""
    return _DASHES[number // len(SERIES) % len(_DASHES)]


def _handles(names: Sequence[str]) -> list[Line2D]:
    """Of lines that colours and dashes tell apart."""
    return [
        Line2D([], [], color=series(number), linestyle=_dashes(number), linewidth=2, label=name)
        for number, name in enumerate(names)
    ]


def _splits() -> list[Line2D]:
    """What full and hollow marks are."""
    return [
        Line2D([], [], marker="o", linestyle="", color=MUTED, markersize=5, label=tr("test")),
        Line2D([], [], color=MUTED, label=tr("validation"), **_VALIDATION),
    ]
