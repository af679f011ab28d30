"""Scores of runs, rung by rung, split by split and class by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from rich.table import Table

from bossline.cli.tables.layout import new_table
from bossline.core.progress import duration
from bossline.evaluation.classification import ClassificationScores, precision_recall_f1
from bossline.evaluation.comparison import Comparison, paired_difference
from bossline.evaluation.scores import Metric, Scores
from bossline.reports.steps import above_the_floor
from bossline.reports.wording import beside, brought_by, of_targets, standing
from bossline.runs.info import RunInfo
from bossline.runs.run import Run
from bossline.studies.folds import Folds


def runs_table(runs: Sequence[Run]) -> Table:
    """The ladder: target, score with interval, parameters, time; fits 80 columns.

    Args:
        runs: finished ones of one measure.
    """
    metric = runs[0].metric
    table = new_table(
        "rung", "target", score_of(metric), "", "size", "time",
        right=("target", "size", "time"),
    )  # fmt: skip
    for run in runs:
        score, target = run.scores["test"].score, run.target
        table.add_row(
            run.label,
            f"{target.score:.4f}" if target else "",
            str(score),
            standing(score, target.score) if target else "",
            _count(run.info.parameters),
            duration(run.info.seconds or 0),
        )
    notes = [*of_targets(runs), *_against_the_floor(runs), *which_way(metric)]
    return with_notes(table, notes, [run.info for run in runs])


def listing_table(runs: Sequence[Run]) -> Table:
    """Where runs are, of what, and how far they came."""
    table = new_table()
    for column in ("run", "recipe and corpus", "test score"):
        table.add_column(column, overflow="fold")  # a path is there to be copied whole
    for run in runs:
        started = run.info.started[:16].replace("T", " ")
        of = f"{run.label}\non {run.corpus_name}"
        table.add_row(f"{run.path}\n{started}", of, run.standing)
    return table


def folds_table(rungs: Sequence[Folds]) -> Table:
    """A cross-validated ladder: scores over all folds, what a rung gains; fits 80 columns."""
    table = new_table(
        "rung", score_of(rungs[0].metric), "against the rung below", "size, time",
        right=("size, time",),
    )  # fmt: skip
    for below, rung in zip([None, *rungs], rungs, strict=False):
        test = rung.scores["test"]
        table.add_row(
            rung.label.split("/", 1)[-1],
            str(test.score),
            "" if below is None else _gain(test, below.scores["test"]),
            f"{_count(rung.info.parameters)}\n{duration(rung.info.seconds or 0)}",
        )
    test = rungs[0].scores["test"]
    notes = [f"{len(rungs[0].runs)} folds test {test.counted}, each once; time of all"]
    notes += [*_against_the_floor(rungs), *which_way(test.measure)]
    return with_notes(table, notes, [rung.info for rung in rungs])


def scores_table(scores: Mapping[str, Scores]) -> Table:
    """Scores split by split; where smoothing or views decided, what they changed."""
    metric = scores["test"].measure
    others = dict.fromkeys(heading for found in scores.values() for heading in found.others)
    table = new_table("split", f"{metric.words} [95 %]", *others, "of")
    for split, found in scores.items():
        told = (found.others.get(heading, "") for heading in others)
        table.add_row(split, str(found.score), *told, found.counted)
    notes = [
        f"{brought_by(lacking)} on test: {paired_difference(scores['test'], before)}"
        for lacking, before in beside(scores).items()
    ]
    return with_notes(table, notes + which_way(metric), [])


def per_class_table(scores: ClassificationScores, classes: Sequence[str]) -> Table:
    """Precision, recall and F1 of each class, most frequent class first."""
    table = new_table(
        "class", scores.unit, "precision", "recall", "F1",
        right=(scores.unit, "precision", "recall", "F1"),
    )  # fmt: skip
    confusion = np.array(scores.confusion)
    rates = np.stack(precision_recall_f1(confusion), axis=1)
    counts = confusion.sum(1)
    for label in counts.argsort(kind="stable")[::-1]:
        shown = [f"{value:.4f}" for value in rates[label]]
        table.add_row(classes[label], f"{counts[label]:,}", *shown)
    return table


def score_of(metric: Metric) -> str:
    """The heading of a column of test scores."""
    return f"test {metric.words} [95 %]"


def which_way(metric: Metric) -> list[str]:
    """A note below a table of scores, where less is better."""
    return [] if metric.higher_is_better else [f"{metric.words}: lower is better"]


def _against_the_floor(runs: Sequence[Run] | Sequence[Folds]) -> list[str]:
    """A note for each rung of a ladder that its neighbour does not hold against the floor."""
    found = [step for step in above_the_floor(runs) if step.comparison]
    lines = [f"  {step.upper}: {step.comparison}" for step in found]
    return [f"against {found[0].lower}:", *lines] if found else []


def _gain(above: Scores, below: Scores) -> str:
    return in_two_lines(paired_difference(above, below))


def in_two_lines(found: Comparison) -> str:
    gain = found.difference
    return f"{gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]\n{found.verdict}"


def with_notes(table: Table, notes: Sequence[str], infos: Sequence[RunInfo]) -> Table:
    """Notes below a table, and what the corpora have to say."""
    remarks = dict.fromkeys(info.corpus_note for info in infos if info.corpus_note)
    table.caption, table.caption_justify = "\n".join([*notes, *remarks]), "left"
    return table


def _count(number: int) -> str:
    """A number of parameters in six characters.

    >>> _count(552), _count(14377), _count(3781673)
    ('552', '14.4 k', '3.78 M')
    """
    if number < 1000:
        return str(number)
    return f"{number / 1e3:.3g} k" if number < 1e6 else f"{number / 1e6:.3g} M"
