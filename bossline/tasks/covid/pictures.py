"""Predicted values: against the true ones, their errors, and what they are read from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bossline.figures.style import (
    ERROR,
    INK,
    MUTED,
    PAPER,
    SERIES,
    SMALL,
    dress,
    new_figure,
    outside_legend,
)
from bossline.tasks.covid.scores import Floats, RegressionScores

MOST_COLUMNS = 20
_MOST_POINTS = 3000  # more are a bitmap: a page of so many circles would be slow
_MOST_BINS = 80
_PALE = 0.7  # opacity of bars that a curve runs over


def errors_of(scores: RegressionScores) -> Floats:
    """(N,) predicted less true."""
    return np.subtract(scores.predicted, scores.true)


def predicted_against_true(scores: RegressionScores, target: str) -> Figure:
    """A point a row, and the diagonal, on which all points of a perfect model lie."""
    figure = new_figure(4.8, 4.8)
    axes = figure.subplots()
    dress(axes, title="Predicted against true", x=f"true {target}", y="predicted", grid="xy")
    both = np.array([scores.true, scores.predicted])
    axes.axline((both.min(), both.min()), slope=1, color=MUTED, linewidth=1)
    axes.plot(
        *both,
        "o",
        color=SERIES[0],
        markersize=3.6,
        markeredgewidth=0,
        alpha=0.5,
        rasterized=both.shape[1] > _MOST_POINTS,
    )
    axes.set_aspect("equal", adjustable="datalim")
    return figure


def error_histogram(scores: RegressionScores, target: str) -> Figure:
    """How often which error occurs, and how often it would if errors were normal."""
    errors = errors_of(scores)
    figure = new_figure(4.8, 4.8)
    axes = figure.subplots()
    dress(axes, title="Errors", x=f"predicted − true {target}", y="rows", grid="y")
    _, edges, _ = axes.hist(
        errors, _bins(errors), facecolor=(SERIES[0], _PALE), edgecolor=PAPER, linewidth=0.6
    )
    if (deviation := errors.std()) > 0:
        x = np.linspace(edges[0], edges[-1], 300)
        density = np.exp(-0.5 * ((x - errors.mean()) / deviation) ** 2) / np.sqrt(2 * np.pi)
        axes.plot(x, density / deviation * len(errors) * (edges[1] - edges[0]), color=INK)
    axes.axvline(0, color=MUTED, linewidth=1, linestyle=(0, (3, 2)))
    outside_legend(
        figure,
        "outside lower left",
        [
            Patch(color=(SERIES[0], _PALE), label="rows"),
            Line2D([], [], color=INK, label="normal of the same mean and deviation"),
        ],
        size=SMALL,
        ncols=2,
    )
    return figure


def _bins(errors: Floats) -> int:
    """As many as Freedman and Diaconis (1981) say, whose width outliers do not stretch."""
    low, high = np.quantile(errors, [0.25, 0.75])
    width = 2 * (high - low) / np.cbrt(len(errors))
    return int(np.clip(np.ptp(errors) / width, 1, _MOST_BINS)) if width > 0 else 1


def share_of_the_worst(scores: RegressionScores, part: float) -> float:
    """The share of all squared errors that the worst part of the rows makes, rounded up to one."""
    squares = np.sort(scores.sums)[::-1]
    worst = squares[: int(np.ceil(part * len(squares)))]
    return float(worst.sum() / total) if (total := squares.sum()) > 0 else 0.0


def draw_weights(weights: Floats, names: Sequence[str]) -> Figure:
    """The largest standardised weights (D,), by size; colours tell their signs."""
    chosen = _largest(np.abs(weights))
    figure, axes = _bars(
        [names[k] for k in chosen], "deviations of the target for one of the column"
    )
    colours = [ERROR if weights[k] < 0 else SERIES[0] for k in chosen]
    axes.barh(range(len(chosen)), weights[chosen], color=colours, height=0.72)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    return figure


def draw_importances(importances: Floats, names: Sequence[str]) -> Figure:
    """The columns of the largest mean importance (R, D), with the span of the R shuffles."""
    means = importances.mean(0)
    chosen = _largest(means)
    figure, axes = _bars([names[k] for k in chosen], "growth of the mean squared error")
    axes.barh(range(len(chosen)), means[chosen], color=SERIES[0], height=0.72)
    axes.hlines(
        range(len(chosen)),
        importances[:, chosen].min(0),
        importances[:, chosen].max(0),
        color=INK,
        linewidth=1.2,
    )
    return figure


def _largest(values: Floats) -> npt.NDArray[np.int64]:
    """Places of the largest values, largest first; ties in the order of the columns."""
    return np.argsort(-values, kind="stable")[:MOST_COLUMNS]


def _bars(names: Sequence[str], x: str) -> tuple[Figure, Axes]:
    """An empty chart of named rows, the first at the top."""
    figure = new_figure(6.4, 0.9 + 0.2 * len(names))
    axes = figure.subplots()
    dress(axes, x=x, grid="x")
    axes.set_yticks(range(len(names)), names, color=INK, parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    return figure, axes
