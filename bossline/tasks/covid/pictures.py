"""Predicted values: against the true ones, their errors, and what they are read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bossline.core.counting import counted
from bossline.core.language import tr
from bossline.data.features.spec import TableSpec
from bossline.figures.picture import Picture
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
from bossline.tasks.base import OpenRun
from bossline.tasks.covid.scores import Floats, RegressionScores

MOST_COLUMNS = 20
_MOST_POINTS = 3000  # more are a bitmap: a page of so many circles would be slow
_MOST_BINS = 80
_PALE = 0.7  # opacity of bars that a curve runs over


@dataclass(frozen=True)
class ColumnsRead:
    """Which columns of a table a model reads: weights of a linear one, importances of others."""

    names: tuple[str, ...]
    weights: npt.NDArray[np.float64] | None  # (D,) in standard units
    importances: npt.NDArray[np.float64] | None  # (R, D) as `permutation_importance` gives them


def columns_read(run: OpenRun) -> ColumnsRead | None:
    """Which columns the model of a run reads; None before scoring."""
    assert isinstance(run.features, TableSpec)
    arrays = run.predictions() or {}
    found = ColumnsRead(run.features.columns, arrays.get("weights"), arrays.get("importances"))
    return None if found.weights is None and found.importances is None else found


def prediction_pictures(test: RegressionScores, target: str, key: str) -> list[Picture]:
    """Predicted against true values, and their errors, on their way onto the page."""
    errors, rows = errors_of(test), counted(test.count, "test row")
    return [
        Picture.of(
            predicted_against_true(test, target),
            f"{key}-predicted",
            tr("Predicted against true {target} of {rows}", target=target, rows=rows),
            tr("Each point is a test row; on the line, the prediction is right."),
        ),
        Picture.of(
            error_histogram(test, target),
            f"{key}-errors",
            tr("Histogram of the errors of {rows}", rows=rows),
            tr(
                "Errors have mean {mean} and deviation {deviation:.3g}. The worst twentieth of the "
                "rows makes {share:.0%} of all squared error; of normal errors it would make 28%.",
                mean=_real_minus(errors.mean()),
                deviation=errors.std(),
                share=share_of_the_worst(test, 0.05),
            ),
        ),
    ]


def _real_minus(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def columns_picture(read: ColumnsRead, key: str) -> Picture:
    """What the model reads, on its way onto the page."""
    if read.weights is not None:
        return Picture.of(
            draw_weights(read.weights, read.names),
            f"{key}-columns",
            tr("The largest weights of columns in standard units"),
            tr(
                "Weights of a linear model, columns and target in standard units, largest first; "
                "orange: the more, the lower the prediction. Of columns that move together, one "
                "weight may undo another."
            ),
        )
    assert read.importances is not None
    return Picture.of(
        draw_importances(read.importances, read.names),
        f"{key}-columns",
        tr("Permutation importance of columns"),
        tr(
            "How much the test error grows when one column is shuffled among the rows: mean (bar) "
            "and span (line) of {shuffles}, largest first. Columns that say the same share it, for "
            "each stands in for the other.",
            shuffles=counted(len(read.importances), "shuffle"),
        ),
    )


def errors_of(scores: RegressionScores) -> Floats:
    """(N,) predicted less true."""
    return np.subtract(scores.predicted, scores.true)


def predicted_against_true(scores: RegressionScores, target: str) -> Figure:
    """A point a row, and the diagonal, on which all points of a perfect model lie."""
    figure = new_figure(4.8, 4.8)
    axes = figure.subplots()
    dress(
        axes,
        title=tr("Predicted against true"),
        x=tr("true {target}", target=target),
        y=tr("predicted"),
        grid="xy",
    )
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
    x = tr("predicted − true {target}", target=target)
    dress(axes, title=tr("Errors"), x=x, y=tr("rows"), grid="y")
    _, edges, _ = axes.hist(
        errors, _bins(errors), facecolor=(SERIES[0], _PALE), edgecolor=PAPER, linewidth=0.6
    )
    if (deviation := errors.std()) > 0:
        at = np.linspace(edges[0], edges[-1], 300)
        density = np.exp(-0.5 * ((at - errors.mean()) / deviation) ** 2) / np.sqrt(2 * np.pi)
        axes.plot(at, density / deviation * len(errors) * (edges[1] - edges[0]), color=INK)
    axes.axvline(0, color=MUTED, linewidth=1, linestyle=(0, (3, 2)))
    outside_legend(
        figure,
        "outside lower left",
        [
            Patch(color=(SERIES[0], _PALE), label=tr("rows")),
            Line2D([], [], color=INK, label=tr("normal of the same mean and deviation")),
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
        [names[k] for k in chosen], tr("deviations of the target for one of the column")
    )
    colours = [ERROR if weights[k] < 0 else SERIES[0] for k in chosen]
    axes.barh(range(len(chosen)), weights[chosen], color=colours, height=0.72)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    return figure


def draw_importances(importances: Floats, names: Sequence[str]) -> Figure:
    """The columns of the largest mean importance (R, D), with the span of the R shuffles."""
    means = importances.mean(0)
    chosen = _largest(means)
    figure, axes = _bars([names[k] for k in chosen], tr("growth of the mean squared error"))
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
