"""The cells of a sweep in pictures: scores along an axis, over two axes, and over the epochs."""

from __future__ import annotations

from statistics import fmean
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator

from bossline.figures.style import (
    GRID,
    INK,
    MUTED,
    SERIES,
    SMALL,
    dress,
    is_wide,
    new_figure,
    outside_legend,
    scale_scores,
    series,
)
from bossline.reports.wording import axis_of
from bossline.studies.grid import Axis
from bossline.studies.standings import Entry
from bossline.studies.sweep import Sweep

Dashes = Literal["-"] | tuple[float, tuple[float, ...]]
_DASHES: tuple[Dashes, ...] = ("-", (0, (4, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)))
_DARK = 0.55  # from this share of the colour scale on, ink is white


def dots(found: Sweep) -> Figure:
    """Score of each cell with its interval, a row a cell; the reference as a line."""
    entries = list(found.entries.values())
    figure = new_figure(7.6, 0.9 + 0.34 * len(entries))
    axes = figure.subplots()
    dress(axes, x=axis_of(found.metric), grid="x")
    if reference := found.entries.get(found.study.reference):
        axes.axvline(reference.score.value, color=MUTED, linewidth=1, linestyle=(0, (3, 2)))
    for row, entry in enumerate(entries):
        score = entry.score
        axes.plot([score.low, score.high], [row, row], color=SERIES[0], linewidth=2)
        axes.plot([score.value], [row], "o", markersize=6, color=SERIES[0])
    axes.set_yticks(
        range(len(entries)), [entry.name for entry in entries], color=INK, parse_math=False
    )
    axes.set_ylim(len(entries) - 0.4, -0.6)
    return figure


def lines(found: Sweep) -> Figure:
    """Score against the values of an axis, with intervals; with two axes a line a value."""
    along, other = _along(found.study.axes)
    figure = new_figure(5.6, 3.7)
    axes = figure.subplots()
    dress(axes, x=along.key, y=axis_of(found.metric), grid="y")
    positions = _positions(axes, along)
    many = other.values if other else ("",)
    for number, value in enumerate(many):
        points = [
            (position, entry.score)
            for position, text in zip(positions, along.values, strict=True)
            if (entry := _at(found, {along: text} | ({other: value} if other else {})))
        ]
        if not points:
            continue
        x, scores = zip(*sorted(points, key=lambda point: point[0]), strict=True)
        centre = [score.value for score in scores]
        reach = [
            [score.value - score.low for score in scores],
            [score.high - score.value for score in scores],
        ]
        axes.errorbar(
            x,
            centre,
            yerr=np.maximum(reach, 0),
            color=series(number),
            linestyle=_dashes(number) if along.numbers else "",
            marker="o",
            markersize=5,
            linewidth=1.8,
            elinewidth=1.2,
            capsize=3,
        )
    if other:
        _legend(figure, [f"{other.key} {value}" for value in many], columns=2)
    return figure


def heat_map(found: Sweep) -> Figure:
    """Score over two axes, the better the darker: the first goes down, the second to the right."""
    down, right = found.study.axes
    scores = np.array(
        [
            [
                entry.score.value if (entry := _at(found, {down: row, right: column})) else np.nan
                for column in right.values
            ]
            for row in down.values
        ]
    )
    figure = new_figure(1.6 + 0.75 * len(right.values), 1.1 + 0.42 * len(down.values))
    axes = figure.subplots()
    dress(axes, x=right.key, y=down.key)
    axes.set_facecolor(GRID)
    gains = np.where(np.isnan(scores), np.nan, np.vectorize(found.metric.gain)(scores))
    low, high = np.nanmin(gains), np.nanmax(gains)
    floor = low - 0.3 * (high - low)
    axes.imshow(gains, cmap="Blues", vmin=floor, vmax=high, interpolation="none", aspect="auto")
    for (row, column), score in np.ndenumerate(scores):
        if not np.isnan(score):
            dark = found.metric.gain(score) - low > _DARK * (high - low) > 0
            axes.text(
                column,
                row,
                f"{score:.4f}",
                ha="center",
                va="center",
                fontsize=SMALL,
                color="#ffffff" if dark else "#111111",
            )
    axes.set_xticks(range(len(right.values)), right.values, parse_math=False)
    axes.set_yticks(range(len(down.values)), down.values, parse_math=False)
    return figure


def compared_curves(found: Sweep) -> Figure:
    """Validation score of every cell by epoch, mean over the seeds that got so far."""
    entries = list(found.entries.values())
    columns = 2
    figure = new_figure(7.6, 3.4 + 0.2 * (len(entries) / columns))
    axes = figure.subplots()
    dress(axes, x="epoch", y=axis_of(found.metric, "validation"), grid="y")
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
    _legend(figure, [entry.name for entry in entries], columns)
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


def _at(found: Sweep, values: dict[Axis, str]) -> Entry | None:
    """The entry at a point of the grid, if its runs are there."""
    changes = {f"{axis.key}={value}" for axis, value in values.items()}
    return next(
        (
            entry
            for place, entry in found.entries.items()
            if set(found.study.cells[place].overrides) == changes
        ),
        None,
    )


def _dashes(number: int) -> Dashes:
    """Colours repeat after six; the dashes tell the rounds apart."""
    return _DASHES[number // len(SERIES) % len(_DASHES)]


def _legend(figure: Figure, names: list[str], columns: int) -> None:
    handles = [
        Line2D([], [], color=series(number), linestyle=_dashes(number), linewidth=2, label=name)
        for number, name in enumerate(names)
    ]
    outside_legend(figure, "outside lower left", handles, ncols=columns, handlelength=2.4)
