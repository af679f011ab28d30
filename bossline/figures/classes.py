"""Pictures of a classifier's scores: what it confuses, what it finds, and how length matters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import PowerNorm, to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from bossline.core.language import term, tr
from bossline.data.phones import PHONETIC_CLASSES, phonetic_order
from bossline.evaluation.classification import ClassificationScores, Counts, precision_recall_f1
from bossline.evaluation.intervals import Interval, wilson_interval
from bossline.figures.style import (
    DASHES,
    INK,
    MUTED,
    NORMAL,
    PAPER,
    SERIES,
    SMALL,
    dress,
    new_figure,
    outside_legend,
    readable_on,
)

# Classes by phonetic class: the order and the colours of every picture that names phones.


OTHER, OTHER_COLOUR = "other", "#7f8894"
_COLOURS = dict(
    zip(
        PHONETIC_CLASSES,
        "#0072b2 #3f95d6 #009e73 #8c6bd8 #d55e00 #b48600 #cc79a7 #8a929c".split(),
        strict=True,
    )
)
_TINY = 4.5  # points: to be read on a large screen, or enlarged
_GROUP_OF = {phone: group for group, phones in PHONETIC_CLASSES.items() for phone in phones}


@dataclass(frozen=True)
class Group:
    """Neighbours in the pictures: class indices under one name and colour."""

    name: str
    colour: str
    members: tuple[int, ...]


def group_name(name: str) -> str:
    """The phonetic class of a phone; 'other' for what is no phone.

    >>> group_name("IY"), group_name("cat")
    ('vowels', 'other')
    """
    return _GROUP_OF.get(name, OTHER)


def grouped(classes: tuple[str, ...]) -> list[Group]:
    """All classes in phonetic order, cut into their groups.

    >>> [(g.name, g.members) for g in grouped(("SIL", "B", "IY", "P"))]
    [('vowels', (2,)), ('stops', (3, 1)), ('silence', (0,))]
    """
    return [
        Group(name, _COLOURS.get(name, OTHER_COLOUR), tuple(members))
        for name, members in groupby(phonetic_order(classes), lambda k: group_name(classes[k]))
    ]


# Which classes are taken for which: the matrix, the classes one by one, the worst pairs.


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
    axes.imshow(shares, norm=norm, cmap="viridis", interpolation="none", aspect="equal")
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
        ScalarMappable(norm, "viridis"), ax=axes, location="top", aspect=60, pad=0.01
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
    colours = colormaps["viridis"]
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.005:
            axes.text(
                column,
                row,
                f"{share:.0%}"[:-1],
                ha="center",
                va="center",
                fontsize=size,
                color=readable_on(to_hex(colours(norm(share)))),
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


def _row_shares(matrix: Counts) -> npt.NDArray[np.float64]:
    """Each row over its sum; a class that does not occur stays all zero."""
    shares: npt.NDArray[np.float64] = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    return shares


# Many classes at a glance: how many are found how often, and those that are found least.


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


# Are short utterances harder? Accuracy against the utterance's length.


MOST_BINS, LEAST_IN_A_BIN = 5, 40


@dataclass(frozen=True)
class LengthBin:
    """Utterances of about one length, in seconds from the shortest to the longest of them."""

    shortest: float
    longest: float
    count: int
    accuracy: Interval


def length_bins(seconds: npt.ArrayLike, correct: npt.ArrayLike) -> list[LengthBin]:
    """Utterances by rising length, in bins of about equal count.

    Equal lengths share the bin that their middle falls into, so there may be fewer bins, and one
    may hold more than the others.

    Args:
        seconds: (U,).
        correct: (U,) bool.
    """
    lengths, right = np.asarray(seconds, np.float64), np.asarray(correct, np.bool_)
    return [
        LengthBin(
            shortest=float(lengths[inside].min()),
            longest=float(lengths[inside].max()),
            count=int(inside.sum()),
            accuracy=wilson_interval(int(right[inside].sum()), int(inside.sum())),
        )
        for inside in binned(lengths)
    ]


def binned(lengths: npt.ArrayLike) -> list[npt.NDArray[np.bool_]]:
    """Which utterances (U,) are in each of the bins of `length_bins`."""
    _, place, counts = np.unique(lengths, return_inverse=True, return_counts=True)
    wanted = min(MOST_BINS, max(1, len(place) // LEAST_IN_A_BIN))
    middles = np.cumsum(counts) - counts / 2
    bin_of = (middles * wanted / len(place)).astype(np.int64)[place]
    return [bin_of == k for k in np.unique(bin_of)]


def accuracy_by_length(bins: list[LengthBin]) -> Figure:
    """Accuracy of each bin with its interval, and the accuracy of all as a line."""
    figure = new_figure(4.2, 3.2)
    axes = figure.subplots()
    dress(axes, title=tr("Accuracy by length"), x=tr("seconds (and utterances)"), grid="y")
    everything = sum(b.count for b in bins)
    mean = sum(b.count * b.accuracy.value for b in bins) / everything
    axes.axhline(mean, color=MUTED, linewidth=1, linestyle=DASHES)
    axes.text(
        1.01,
        mean,
        tr("all") + f"\n{mean:.1%}",
        transform=axes.get_yaxis_transform(),
        verticalalignment="center",
        fontsize=SMALL,
        color=MUTED,
    )
    values = [b.accuracy.value for b in bins]
    axes.vlines(
        range(len(bins)),
        [b.accuracy.low for b in bins],
        [b.accuracy.high for b in bins],
        color=SERIES[0],
        linewidth=2.5,
    )
    axes.plot(range(len(bins)), values, "o", color=SERIES[0], markersize=6)
    names = [f"{_range(b)}\n({b.count:,})" for b in bins]
    axes.set_xticks(range(len(bins)), names, fontsize=SMALL, color=INK)
    axes.set_xlim(-0.6, len(bins) - 0.4)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def _range(found: LengthBin) -> str:
    """Its lengths, one number where they are all the same."""
    low, high = f"{found.shortest:.1f}", f"{found.longest:.1f}"
    return low if low == high else f"{low}–{high}"
