"""Which phones are missed, put in, or taken for another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from bossline.core.counting import counted
from bossline.core.language import term, tr
from bossline.figures.classes import counts_beside
from bossline.figures.confusion import confusion_matrix
from bossline.figures.phonetic_groups import OTHER_COLOUR, Group, group_name, grouped
from bossline.figures.picture import Picture
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
from bossline.figures.utterance import name_rows
from bossline.tasks.classification import MOST_IN_A_MATRIX
from bossline.tasks.transcribe.pictures.utterance import KINDS
from bossline.tasks.transcribe.scores import StringScores

Counts = npt.NDArray[np.int64]
NOTHING = "–"
MOST_SWAPS = 12


def error_pictures(scores: StringScores, classes: tuple[str, ...], key: str) -> list[Picture]:
    """Phone by phone, all confusions, and those that are most frequent."""
    found = [
        Picture.of(
            errors_by_phone(scores, classes),
            f"{key}-phones",
            tr("Errors of {phones}", phones=counted(len(classes), "phone")),
            tr(
                "How often a phone is taken for another or left out, of the times that it is said; "
                "the dot: how often it is told where nothing was said, for each time that it is."
            ),
        )
    ]
    if len(classes) <= MOST_IN_A_MATRIX:
        words = tr("share of what the true phone became")
        groups = [*grouped(classes), Group("nothing", OTHER_COLOUR, (len(classes),))]
        matrix = np.roll(np.array(scores.confusions), -1, axis=(0, 1))
        found.append(
            Picture.of(
                confusion_matrix(matrix, [*classes, NOTHING], groups, words),
                f"{key}-confusion",
                tr(
                    "Confusion matrix of {phones} and nothing",
                    phones=counted(len(classes), "phone"),
                ),
                tr(
                    "What is told in place of each phone in the alignment; rows sum to 100%. The "
                    "last column are deletions, the last row insertions."
                ),
                stacks=False,
            )
        )
    if swaps := most_confused(scores, classes):
        found.append(
            Picture.of(
                swap_bars(swaps),
                f"{key}-swaps",
                tr("The most frequent substitutions"),
                tr("The most frequent substitutions.") + _within(scores, classes),
            )
        )
    return found


def _within(scores: StringScores, classes: tuple[str, ...]) -> str:
    if len(grouped(classes)) == 1:
        return ""
    share, chance = within_groups(scores, classes)
    return tr(
        " {share:.0%} of all substitutions stay within a group of phones that are articulated "
        "alike; {chance:.0%} would if what is told did not depend on what is said.",
        share=share,
        chance=chance,
    )


# Phone by phone.


def rates(scores: StringScores) -> tuple[Counts, dict[str, npt.NDArray[np.float64]]]:
    """How often each of the V phones was said, and its errors by kind, for each time."""
    table = np.array(scores.confusions)
    said = table[1:].sum(1)
    counts = {
        "substitution": table[1:, 1:].sum(1) - np.diag(table)[1:],
        "deletion": table[1:, 0],
        "insertion": table[0, 1:],
    }
    return said, {kind: count / np.maximum(said, 1) for kind, count in counts.items()}


def errors_by_phone(scores: StringScores, classes: tuple[str, ...]) -> Figure:
    """Substitutions and deletions as bars on top of each other, insertions as a dot."""
    groups = grouped(classes)
    order = [k for group in groups for k in group.members]
    said, kinds = rates(scores)
    figure = new_figure(4.6, 1.2 + 0.146 * len(classes))
    axes = figure.subplots()
    dress(axes, x=tr("errors for each time that it is said"), grid="x")
    rows, left = np.arange(len(order)), np.zeros(len(order))
    for kind in ("substitution", "deletion"):
        axes.barh(rows, kinds[kind][order], left=left, color=KINDS[kind], height=0.72)
        left += kinds[kind][order]
    axes.plot(
        kinds["insertion"][order],
        rows,
        "o",
        markersize=4.5,
        color=KINDS["insertion"],
        markeredgecolor=PAPER,
        markeredgewidth=0.8,
    )
    counts_beside(axes, [said[k] for k in order], tr("said"))
    name_rows(axes, [classes[k] for k in order], [(g, len(g.members)) for g in groups])
    axes.set_xlim(0)
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    marks = [
        Patch(color=KINDS[kind], label=term(f"{kind}s")) for kind in ("substitution", "deletion")
    ]
    dot = Line2D(
        [], [], marker="o", linestyle="", color=KINDS["insertion"], label=term("insertions")
    )
    outside_legend(
        figure, "outside upper left", [*marks, dot], size=SMALL, ncols=3, handlelength=1,
        columnspacing=1,
    )  # fmt: skip
    return figure


# What is taken for what.


@dataclass(frozen=True)
class Swap:
    """One phone told for another."""

    said: str
    told: str
    count: int
    share: float  # of the times that it was said
    alike: bool  # of one articulatory group


def most_confused(
    scores: StringScores, classes: tuple[str, ...], count: int = MOST_SWAPS
) -> list[Swap]:
    """The most frequent substitutions, most first; of equal ones in the order of the classes."""
    table = np.array(scores.confusions)[1:]
    said = table.sum(1)
    swaps = _substitutions(scores)
    worst = np.argsort(-swaps, axis=None, kind="stable")[:count]
    return [
        Swap(
            classes[row],
            classes[column],
            int(swaps[row, column]),
            float(swaps[row, column] / said[row]),
            group_name(classes[row]) == group_name(classes[column]),
        )
        for row, column in zip(*np.unravel_index(worst, swaps.shape), strict=True)
        if swaps[row, column]
    ]


def within_groups(scores: StringScores, classes: tuple[str, ...]) -> tuple[float, float]:
    """The share of substitutions by a phone of the same articulatory group, and what it would be
    if the phone that is told did not depend on the one that was said; 0 without substitutions."""
    swaps = _substitutions(scores)
    names = np.array([group_name(name) for name in classes])
    alike = names[:, None] == names
    # A phone is never a substitution of itself: chance draws another one than was said.
    told = swaps.sum(0)
    others = told * (1 - np.eye(len(classes)))
    by_chance = (others * alike).sum(1) / np.maximum(others.sum(1), 1)
    total = max(int(swaps.sum()), 1)
    return float(swaps[alike].sum() / total), float((swaps.sum(1) * by_chance).sum() / total)


def _substitutions(scores: StringScores) -> Counts:
    """(V, V) counts, zeros on the diagonal."""
    swaps: Counts = np.array(scores.confusions)[1:, 1:].copy()
    np.fill_diagonal(swaps, 0)
    return swaps


def swap_bars(swaps: list[Swap]) -> Figure:
    """A bar a substitution, coloured by whether both phones are articulated alike."""
    figure = new_figure(4.2, 1.2 + 0.24 * len(swaps))
    axes = figure.subplots()
    dress(axes, x=term("substitutions"), grid="x")
    rows = range(len(swaps))
    colours = {True: SERIES[5], False: SERIES[4]}
    bars = axes.barh(
        rows,
        [swap.count for swap in swaps],
        color=[colours[swap.alike] for swap in swaps],
        height=0.7,
    )
    texts = [f"{swap.count:,} ({swap.share:.0%})" for swap in swaps]
    axes.bar_label(bars, texts, fontsize=SMALL, color=MUTED, padding=3)
    names = [f"{swap.said} → {swap.told}" for swap in swaps]
    axes.set_yticks(rows, names, fontsize=SMALL, color=INK, parse_math=False)
    axes.set_ylim(len(swaps) - 0.4, -0.6)
    axes.margins(x=0.2)
    marks = [
        Patch(color=colours[alike], label=label)
        for alike, label in ((True, tr("within a group")), (False, tr("across groups")))
        if any(swap.alike is alike for swap in swaps)
    ]
    outside_legend(figure, "outside upper left", marks, size=SMALL, ncols=2, handlelength=1)
    return figure
