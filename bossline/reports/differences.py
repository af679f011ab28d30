"""How far recipes lie from a reference, and on which side of it."""

from __future__ import annotations

from matplotlib.figure import Figure

from bossline.core.language import term, tr
from bossline.evaluation.comparison import Verdict
from bossline.figures.style import ERROR, INK, MUTED, NORMAL, SERIES, dress, folded, new_figure
from bossline.reports.wording import signed
from bossline.studies.standings import Standings

_BETTER = SERIES[2]
_COLOURS: dict[Verdict, str] = {
    "better": _BETTER, "worse": ERROR, "no evidence of a difference": MUTED
}  # fmt: skip


def differences(standings: Standings) -> Figure:
    """Paired differences in the test score with their intervals, coloured by verdict."""
    count = len(standings.others)
    figure = new_figure(7.6, 1.0 + 0.42 * count)
    axes = figure.subplots()
    x = tr(
        "test {measure} minus that of {reference}",
        measure=term(standings.metric.words),
        reference=standings.reference.name,
    )
    if not standings.metric.higher_is_better:
        x = tr("{measure} (lower is better)", measure=x)
    dress(axes, x=x, grid="x")
    axes.xaxis.label.set_parse_math(False)
    axes.axvline(0, color=INK, linewidth=1.2)
    for place, comparison in enumerate(standings.comparisons):
        difference, colour = comparison.difference, _COLOURS[comparison.verdict]
        axes.hlines(place, difference.low, difference.high, color=colour, linewidth=2.2)
        axes.plot([difference.value], [place], "o", markersize=6, color=colour)
        axes.text(
            1.02,
            place,
            signed(difference.value),
            transform=axes.get_yaxis_transform(),
            verticalalignment="center",
            fontsize=NORMAL,
            color=INK,
        )
    names = folded([entry.name for entry in standings.others])
    axes.set_yticks(range(count), names, color=INK, parse_math=False)
    axes.set_ylim(count - 0.4, -0.6)  # from above, as in the table
    axes.margins(x=0.08)
    return figure
