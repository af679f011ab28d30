"""Are short utterances harder? Accuracy against the utterance's length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from bossline.core.language import tr
from bossline.evaluation.intervals import Interval, wilson_interval
from bossline.figures.style import (
    DASHES,
    INK,
    MUTED,
    SERIES,
    SMALL,
    dress,
    new_figure,
)

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
