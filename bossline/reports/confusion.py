"""Which classes are taken for which: the matrix, the classes one by one, the worst pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.cm import ScalarMappable
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from bossline.evaluation.classification import ClassificationScores, Counts, precision_recall_f1
from bossline.reports.groups import grouped
from bossline.reports.style import (
    INK,
    MUTED,
    NORMAL,
    PAPER,
    SMALL,
    dress,
    new_figure,
    outside_legend,
)


@dataclass(frozen=True)
class ConfusedPair:
    """What of one class was called another: frames or utterances, and their share of the class."""

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
    groups = grouped(classes)
    order = [k for group in groups for k in group.members]
    shares = _row_shares(np.array(scores.confusion))[np.ix_(order, order)]
    side = max(2.6, 0.144 * len(order))
    figure = new_figure(side + 1.8, side + 1.3)
    axes = figure.subplots()
    dress(axes, x="predicted", y="true")
    # A square root lets a confusion of 1 % show beside a recall of 90 %.
    norm = PowerNorm(0.5, vmin=0, vmax=1)
    axes.imshow(shares, norm=norm, cmap="viridis", interpolation="none", aspect="equal")
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
            group.name if len(groups) > 1 else "",
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
        ScalarMappable(norm, "viridis"), ax=axes, location="top", aspect=60, pad=0.01
    )
    bar.set_label(f"share of the {scores.unit} of the true class", fontsize=NORMAL, color=MUTED)
    bar.set_ticks([0, 0.01, 0.05, 0.1, 0.25, 0.5, 1])
    bar.ax.set_xticklabels(["0", "1%", "5%", "10%", "25%", "50%", "100%"])
    bar.ax.tick_params(colors=MUTED, labelsize=SMALL, length=2)
    bar.outline.set_visible(False)
    return figure


def per_class(scores: ClassificationScores, classes: tuple[str, ...]) -> Figure:
    """Recall (bar) and F1 (dot) of each class with its count; phones by phonetic class."""
    groups = grouped(classes)
    matrix = np.array(scores.confusion)
    _, recall, f1 = precision_recall_f1(matrix)
    counts = matrix.sum(1)
    figure = new_figure(4.6, 1.2 + 0.146 * len(classes))
    axes = figure.subplots()
    dress(axes, x="recall", grid="x")
    order = [k for group in groups for k in group.members]
    for group in groups:
        rows = [order.index(k) for k in group.members]
        members = list(group.members)
        axes.barh(rows, recall[members], color=group.colour, height=0.72, label=group.name)
    axes.plot(
        f1[order],
        range(len(order)),
        "o",
        markersize=4.5,
        color=INK,
        markeredgecolor=PAPER,
        markeredgewidth=0.8,
    )
    for row, k in enumerate(order):
        axes.text(
            1.02,
            row,
            f"{counts[k]:,}",
            transform=axes.get_yaxis_transform(),
            fontsize=SMALL,
            color=MUTED,
            verticalalignment="center",
        )
    axes.text(
        1.02, -1, scores.unit, transform=axes.get_yaxis_transform(), fontsize=SMALL, color=MUTED
    )
    axes.set_yticks(
        range(len(order)), [classes[k] for k in order], fontsize=SMALL, color=INK, parse_math=False
    )
    axes.set_xlim(0, 1)
    axes.set_ylim(len(order) - 0.4, -0.6)
    outside_legend(
        figure,
        "outside upper left",
        [
            Patch(color=group.colour, label=group.name if len(groups) > 1 else "recall")
            for group in groups
        ]
        + [Line2D([], [], marker="o", linestyle="", color=INK, markersize=4.5, label="F1")],
        size=SMALL,
        ncols=3,
        handlelength=1,
        columnspacing=1,
    )
    return figure


def _row_shares(matrix: Counts) -> npt.NDArray[np.float64]:
    """Each row over its sum; a class that does not occur stays all zero."""
    shares: npt.NDArray[np.float64] = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    return shares
