"""Class by class: how often each is found, how many are found how often, and the hardest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter

from bossline.core.language import term, tr
from bossline.evaluation.classification import ClassificationScores, precision_recall_f1
from bossline.figures.phonetic_groups import grouped
from bossline.figures.style import (
    INK,
    MUTED,
    PAPER,
    SERIES,
    SMALL,
    dress,
    new_figure,
    outside_legend,
)


def counts_beside(axes: Axes, counts: Sequence[int], words: str) -> None:
    """How often the class of each row came, in a column at the right.

    Args:
        counts: of the rows, from the top.
        words: above the column.
    """
    written: dict[str, Any] = {
        "transform": axes.get_yaxis_transform(),
        "fontsize": SMALL,
        "color": MUTED,
    }
    for row, count in enumerate(counts):
        axes.text(1.02, row, f"{count:,}", verticalalignment="center", **written)
    axes.text(1.02, -1, words, **written)


def per_class(scores: ClassificationScores, classes: tuple[str, ...]) -> Figure:
    """Recall (bar) and F1 (dot) of each class with its count; phones by phonetic class."""
    groups = grouped(classes)
    matrix = np.array(scores.confusion)
    _, recall, f1 = precision_recall_f1(matrix)
    counts = matrix.sum(1)
    figure = new_figure(4.6, 1.2 + 0.146 * len(classes))
    axes = figure.subplots()
    dress(axes, x=tr("recall"), grid="x")
    order = [k for group in groups for k in group.members]
    for group in groups:
        rows = [order.index(k) for k in group.members]
        members = list(group.members)
        axes.barh(rows, recall[members], color=group.colour, height=0.72)
    axes.plot(
        np.where(counts[order] > 0, f1[order], np.nan),
        range(len(order)),
        "o",
        markersize=4.5,
        color=INK,
        markeredgecolor=PAPER,
        markeredgewidth=0.8,
    )
    counts_beside(axes, [counts[k] for k in order], term(scores.unit))
    axes.set_yticks(
        range(len(order)), [classes[k] for k in order], fontsize=SMALL, color=INK, parse_math=False
    )
    axes.set_xlim(0, 1)
    axes.set_ylim(len(order) - 0.4, -0.6)
    outside_legend(
        figure,
        "outside upper left",
        [
            Patch(color=group.colour, label=term(group.name) if len(groups) > 1 else tr("recall"))
            for group in groups
        ]
        + [Line2D([], [], marker="o", linestyle="", color=INK, markersize=4.5, label="F1")],
        size=SMALL,
        ncols=3,
        handlelength=1,
        columnspacing=1,
    )
    return figure


_BINS = 10


@dataclass(frozen=True)
class HardClass:
    """A class that is seldom found, and what it is taken for most often."""

    name: str
    hits: int
    count: int
    mistaken_for: str
    mistakes: int  # for that one


def hardest_classes(
    scores: ClassificationScores, classes: tuple[str, ...], count: int = 15
) -> list[HardClass]:
    """The classes of lowest recall among those that are not always found, lowest first.

    Of equal recall, the one that occurs more often comes first: the evidence is stronger.
    """
    matrix = np.array(scores.confusion)
    hits, occurs = np.diag(matrix), matrix.sum(1)
    errors = matrix - np.diag(hits)
    _, recall, _ = precision_recall_f1(matrix)
    order = [k for k in np.lexsort((-occurs, recall)) if errors[k].any()]
    return [
        HardClass(
            name=classes[k],
            hits=int(hits[k]),
            count=int(occurs[k]),
            mistaken_for=classes[int(errors[k].argmax())],
            mistakes=int(errors[k].max()),
        )
        for k in order[:count]
    ]


def recalls(scores: ClassificationScores, classes_word: str) -> Figure:
    """A histogram of the recall of all classes that occur.

    Args:
        scores: of one split.
        classes_word: what the classes are, as "speakers", in the language that is spoken.
    """
    matrix = np.array(scores.confusion)
    hits, occurs = np.diag(matrix), matrix.sum(1)
    present = occurs > 0
    # In whole numbers, so that 3 of 10 begin the bin of 30 %; 100 % belongs to the last.
    bins = np.minimum(hits[present] * _BINS // occurs[present], _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    figure = new_figure(4.2, 3.2)
    axes = figure.subplots()
    dress(
        axes,
        title=tr("Recall of {count:,} {classes}", count=present.sum(), classes=classes_word),
        x=tr("recall"),
        y=classes_word,
        grid="y",
    )
    left = np.arange(_BINS) / _BINS
    bars = axes.bar(left, counts, width=0.9 / _BINS, align="edge", color=SERIES[0])
    axes.bar_label(
        bars, [f"{n:,}" if n else "" for n in counts], fontsize=SMALL, color=MUTED, padding=2
    )
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    return figure


def never_and_always(scores: ClassificationScores) -> tuple[int, int]:
    """How many of the classes that occur are never found, and how many always."""
    matrix = np.array(scores.confusion)
    hits, occurs = np.diag(matrix), matrix.sum(1)
    return int(((hits == 0) & (occurs > 0)).sum()), int(((hits == occurs) & (occurs > 0)).sum())
