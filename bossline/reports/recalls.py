"""Many classes at a glance: how many are found how often, and those that are found least."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from bossline.evaluation.classification import ClassificationScores, precision_recall_f1
from bossline.reports.style import MUTED, SERIES, SMALL, dress, new_figure

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
        classes_word: what the classes are, as "speakers".
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
        title=f"Recall of {present.sum():,} {classes_word}",
        x="recall",
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
