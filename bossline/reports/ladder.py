"""Where each run stands, and against which score that its rung asks for."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bossline.core.language import term, tr
from bossline.figures.style import (
    INK,
    MUTED,
    NORMAL,
    PAPER,
    dress,
    folded,
    new_figure,
    outside_legend,
    series,
)
from bossline.reports.order import Rung, labels
from bossline.reports.wording import axis_of, signed


def ladder(runs: Sequence[Rung]) -> Figure:
    """Test score of each rung with its interval, over the line that it asks for, if it does.

    Args:
        runs: at least one; of one measure.
    """
    names = folded(labels(runs))
    lines = max(name.count("\n") for name in names)
    figure = new_figure(7.6, 1.25 + (0.55 + 0.12 * lines) * len(runs))
    axes = figure.subplots()
    metric = runs[0].metric
    dress(axes, x=axis_of(metric), grid="x")
    for place, run in enumerate(runs):
        target, test = run.target, run.scores.get("test")
        if target:
            axes.vlines(target.score, place - 0.34, place + 0.34, color=INK, linewidth=2.2)
        if test:
            score = test.score
            if target:
                axes.plot([target.score, score.value], [place, place], color=MUTED, linewidth=1)
            axes.barh(
                place,
                score.high - score.low,
                left=score.low,
                height=0.14,
                color=series(place),
            )
            axes.plot(
                [score.value],
                [place],
                "o",
                markersize=8,
                color=series(place),
                markeredgecolor=PAPER,
            )
        axes.text(
            1.02,
            place,
            _in_figures(run),
            transform=axes.get_yaxis_transform(),
            verticalalignment="center",
            fontsize=NORMAL,
            color=INK if test else MUTED,
        )
    axes.set_yticks(range(len(runs)), names, color=INK, parse_math=False)
    axes.set_ylim(-0.6, len(runs) - 0.4)
    axes.margins(x=0.08)
    outside_legend(figure, "outside upper left", _handles(runs), ncols=3, handlelength=1.4)
    return figure


def _handles(runs: Sequence[Rung]) -> list[Artist]:
    words = term(runs[0].metric.words)
    handles: list[Artist] = [
        Line2D([], [], marker="o", linestyle="", color=MUTED, markersize=5, label=words),
        Line2D([], [], color=MUTED, linewidth=4, label=tr("95% interval")),
    ]
    if any(run.target for run in runs):
        handles.append(
            Line2D(
                [],
                [],
                color=INK,
                linestyle="",
                marker="|",
                markersize=13,
                markeredgewidth=2.2,
                label=tr("target"),
            )
        )
    return handles


def _in_figures(run: Rung) -> str:
    """The score, and how far it lies from the target."""
    score, target = run.scores.get("test"), run.target
    if score is None:
        return tr("no score yet")
    value = score.score.value
    return f"{value:.4f} ({signed(value - target.score)})" if target else f"{value:.4f}"
