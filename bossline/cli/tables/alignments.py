"""Alignments against references, and against what was heard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from bossline.cli.tables.layout import facts_table, new_table
from bossline.core.counting import counted
from bossline.evaluation.boundaries import AlignmentScores
from bossline.evaluation.intervals import Interval

if TYPE_CHECKING:
    from bossline.runs.alignment_analysis import Line

LOOKED_AT = 10


def boundaries_table(scores: AlignmentScores) -> Table:
    """Boundaries found, by tolerance and way of counting; fits 80 columns."""
    table = new_table(
        "within", "counted", "precision", "recall", "F1 [95 %]", "R-value [95 %]",
        right=("within", "precision", "recall"),
    )  # fmt: skip
    for found in scores.boundaries:
        for way, one in (("strict", found.strict), ("lenient", found.lenient)):
            table.add_row(
                f"{1000 * found.tolerance:g} ms", way, f"{one.precision.value:.3f}",
                f"{one.recall.value:.3f}", _share(one.f1), _share(one.r_value),
            )  # fmt: skip
    over = scores.boundaries[0].over_segmentation.value
    table.caption = (
        f"{counted(scores.files, 'recording')}; boundaries of any label, {abs(over):.1%} too "
        f"{'many' if over >= 0 else 'few'}; strict: one to one"
    )
    table.caption_justify = "left"
    return table


def look_first_table(lines: Sequence[Line]) -> Table:
    """The alignments that fit worst; fits 80 columns unless names are long."""
    table = new_table(
        "file", "at", "log-likelihood", "there", "durations", "words there",
        right=("at", "log-likelihood", "there", "durations"), title="look at these first",
    )  # fmt: skip
    for line in lines[:LOOKED_AT]:
        table.add_row(
            line.file, f"{line.weakest_at:.2f} s", f"{line.speech_log_likelihood:.2f}",
            f"{line.weakest_log_likelihood:.2f}", f"{line.phone_duration_deviation:.1f} sd",
            line.weakest_words,
        )  # fmt: skip
    table.caption = (
        "log-likelihood: of the text in frames of speech, their mean; there: in the second that "
        "fits worst; durations: the phone's farthest off its usual one"
    )
    table.caption_justify = "left"
    return table


def phones_table(scores: AlignmentScores) -> Table:
    """Labels on the path of the fewest edits, and how far the edges of equal ones are off."""
    facts = {
        "phone error rate [95 %]": f"{scores.phone_error_rate}, mapping '{scores.mapping}'",
        "of": f"{counted(scores.phones, 'phone')}; {scores.substitutions:,} substituted, "
        f"{scores.deletions:,} deleted, {scores.insertions:,} inserted",
        "edges measured": f"both of {counted(scores.matched, 'phone')} with equal labels",
    }
    if errors := scores.errors:
        facts |= {
            "mean absolute error [95 %]": _milliseconds(errors.mean_absolute),
            "median absolute error": f"{1000 * errors.median_absolute:.1f} ms",
            "bias, late above 0 [95 %]": _milliseconds(errors.bias),
            "median bias": f"{1000 * errors.median_bias:.1f} ms",
            "edges within": ", ".join(
                f"{1000 * float(limit):g} ms {share.value:.1%}"
                for limit, share in errors.within.items()
            ),
        }
    return facts_table(facts)


def _share(of: Interval) -> str:
    return f"{of.value:.3f} {of.ends('.3f')}"


def _milliseconds(of: Interval) -> str:
    found = Interval(value=1000 * of.value, low=1000 * of.low, high=1000 * of.high)
    return f"{found.value:.1f} ms {found.ends('.1f')}"
