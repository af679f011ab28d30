"""Are long utterances harder? The phone error rate by the number of phones, and failed searches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from bossline.core.language import tr
from bossline.evaluation.intervals import Interval, mean_interval
from bossline.figures.lengths import binned
from bossline.figures.picture import Picture
from bossline.figures.style import (
    DASHES,
    INK,
    MUTED,
    SMALL,
    dress,
    new_figure,
    outside_legend,
    series,
)
from bossline.tasks.transcribe.scores import StringScores


@dataclass(frozen=True)
class LengthRate:
    """Utterances of about one length, in phones from the shortest to the longest of them."""

    shortest: int
    longest: int
    mean: float
    count: int
    rate: Interval


def rates_by_length(scores: StringScores) -> list[LengthRate]:
    """By rising length, in bins of about equal count; the intervals are over utterances."""
    lengths, errors = np.array(scores.lengths), np.array(scores.sums)
    return [
        LengthRate(
            int(lengths[inside].min()),
            int(lengths[inside].max()),
            float(lengths[inside].mean()),
            int(inside.sum()),
            mean_interval(errors[inside], lengths[inside], share=True),
        )
        for inside in binned(lengths)
    ]


def length_picture(scores: StringScores, key: str) -> Picture:
    return Picture.of(
        by_length({"": scores}),
        f"{key}-lengths",
        tr("Phone error rate of short and of long test utterances"),
        tr(
            "Test utterances by the number of phones in them, in bins of about equal count, with "
            "95% intervals bootstrapped over utterances; dashed: all. {failures}",
            failures=scores.failures.sentence(len(scores.ids)),
        ),
    )


def lengths_together(runs: Mapping[str, StringScores]) -> Picture:
    """The same of several runs."""
    return Picture.of(
        by_length(runs),
        "lengths",
        tr("Phone error rate by length of {names}", names=tr(", ").join(runs)),
        tr(
            "Test utterances by the number of phones in them, in bins of about equal count, with "
            "95% intervals bootstrapped over utterances."
        ),
    )


def by_length(runs: Mapping[str, StringScores]) -> Figure:
    """A line a run through its bins; of one run also its rate over all utterances."""
    several = len(runs) > 1
    figure = new_figure(6.2 if several else 4.2, 3.2 + 0.18 * len(runs) * several)
    axes = figure.subplots()
    dress(axes, x=tr("phones in the utterance"), y=tr("phone error rate"), grid="y")
    found = {name: rates_by_length(scores) for name, scores in runs.items()}
    longest = max(bins[-1].mean for bins in found.values())
    for place, (name, bins) in enumerate(found.items()):
        shift = (place - (len(runs) - 1) / 2) * 0.012 * longest  # intervals beside each other
        x = [b.mean + shift for b in bins]
        colour = series(place)
        lows, highs = [b.rate.low for b in bins], [b.rate.high for b in bins]
        axes.vlines(x, lows, highs, color=colour, linewidth=2.5)
        axes.plot(
            x,
            [b.rate.value for b in bins],
            "o-",
            color=colour,
            markersize=5,
            linewidth=1,
            label=name,
        )
        if not several:
            axes.axhline(runs[name].score.value, color=MUTED, linewidth=1, linestyle=DASHES)
            names = [f"{_range(b)}\n({b.count:,})" for b in bins]
            axes.set_xticks(x, names, fontsize=SMALL, color=INK)
            axes.set_xlabel(tr("phones (and utterances)"))
            axes.margins(x=0.12)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    if several:
        axes.set_xlim(0, 1.1 * longest)  # where all are of one length, that is seen, not a shift
        outside_legend(figure, "outside lower left", handlelength=1.8)
    return figure


def _range(found: LengthRate) -> str:
    low, high = str(found.shortest), str(found.longest)
    return low if low == high else f"{low}–{high}"
