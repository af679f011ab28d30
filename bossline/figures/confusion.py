"""Which classes are taken for which: the matrix, and the worst pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bossline.core.language import term, tr
from bossline.evaluation.classification import ClassificationScores, Counts
from bossline.figures.phonetic_groups import Group, grouped
from bossline.figures.style import (
    HEAT_COLOURS,
    INK,
    MUTED,
    NORMAL,
    SMALL,
    dress,
    new_figure,
    readable_on_heat,
)

_TINY = 4.5  # points: to be read on a large screen, or enlarged


@dataclass(frozen=True)
class ConfusedPair:
    """What of one class was called another: frames or items, and their share of the class."""

    true: str
    predicted: str
    count: int
    share: float


def confused_pairs(
    scores: ClassificationScores, classes: tuple[str, ...], count: int = 15
) -> list[ConfusedPair]:
    """The confusions that cost most, worst first; ties in the order of the classes."""
    matrix = np.array(scores.confusion)
    shares = _row_shares(matrix)
    errors = matrix - np.diag(np.diag(matrix))
    worst = np.argsort(-errors, axis=None, kind="stable")[:count]
    return [
        ConfusedPair(
            true=classes[row],
            predicted=classes[column],
            count=int(errors[row, column]),
            share=float(shares[row, column]),
        )
        for row, column in zip(*np.unravel_index(worst, matrix.shape), strict=True)
        if errors[row, column] > 0
    ]


def confusion(scores: ClassificationScores, classes: tuple[str, ...]) -> Figure:
    """Row-normalised confusion matrix; phones ordered and framed by phonetic class."""
    words = tr("share of the {units} of the true class", units=term(scores.unit))
    return confusion_matrix(np.array(scores.confusion), classes, grouped(classes), words)


def confusion_matrix(
    counts: Counts, classes: Sequence[str], groups: Sequence[Group], words: str
) -> Figure:
    """Shares of the rows of counts (C, C), rows are true and columns predicted.

    Args:
        counts: in the order of the classes.
        classes: (C,) names.
        groups: in the order in which they are shown, each framed.
        words: what a share is.
    """
    order = [k for group in groups for k in group.members]
    shares = np.where(counts.sum(1, keepdims=True), _row_shares(counts), np.nan)
    shares = shares[np.ix_(order, order)]
    side = max(2.6, 0.144 * len(order))
    figure = new_figure(side + 1.8, side + 1.3)
    axes = figure.subplots()
    dress(axes, x=tr("predicted"), y=tr("true"))
    # A square root lets a confusion of 1 % show beside a recall of 90 %.
    norm = PowerNorm(0.5, vmin=0, vmax=1)
    axes.imshow(shares, norm=norm, cmap=HEAT_COLOURS, interpolation="none", aspect="equal")
    _write_shares(axes, shares, norm, size=SMALL if len(order) < 16 else _TINY)
    names = [classes[k] for k in order]
    for axis, turn in ((axes.xaxis, 90), (axes.yaxis, 0)):
        axis.set_ticks(range(len(order)), names, rotation=turn, fontsize=SMALL, parse_math=False)
        axis.set_tick_params(pad=3, labelcolor=INK)
    start = 0
    for group in groups:
        size = len(group.members)
        axes.add_patch(
            Rectangle(
                (start - 0.5, start - 0.5), size, size, fill=False, edgecolor="white", linewidth=1
            )
        )
        axes.text(
            1.01,
            start + size / 2 - 0.5,
            term(group.name) if len(groups) > 1 else "",
            transform=axes.get_yaxis_transform(),
            fontsize=SMALL,
            color=MUTED,
            verticalalignment="center",
        )
        if start:
            for line in (axes.axhline, axes.axvline):
                line(start - 0.5, color="white", linewidth=0.5, alpha=0.35)
        start += size
    bar = figure.colorbar(
        ScalarMappable(norm, HEAT_COLOURS), ax=axes, location="top", aspect=60, pad=0.01
    )
    bar.set_label(words, fontsize=NORMAL, color=MUTED)
    bar.set_ticks([0, 0.01, 0.05, 0.1, 0.25, 0.5, 1])
    bar.ax.set_xticklabels(["0", "1%", "5%", "10%", "25%", "50%", "100%"])
    bar.ax.tick_params(colors=MUTED, labelsize=SMALL, length=2)
    bar.outline.set_visible(False)
    return figure


def _write_shares(
    axes: Axes, shares: npt.NDArray[np.float64], norm: PowerNorm, size: float
) -> None:
    """Percent in every field that has one at least."""
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.005:
            axes.text(
                column,
                row,
                f"{share:.0%}"[:-1],
                ha="center",
                va="center",
                fontsize=size,
                color=readable_on_heat(norm(share)),
            )


def _row_shares(matrix: Counts) -> npt.NDArray[np.float64]:
    """Each row over its sum; a class that does not occur stays all zero."""
    shares: npt.NDArray[np.float64] = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    return shares
