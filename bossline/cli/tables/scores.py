"""Scores of runs, rung by rung, split by split and class by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from rich.table import Table

from bossline.cli.tables.layout import new_table
from bossline.core.language import term, tr
from bossline.core.progress import duration
from bossline.evaluation.classification import ClassificationScores, precision_recall_f1
from bossline.evaluation.comparison import Comparison, paired_difference
from bossline.evaluation.scores import Metric, Scores, split_words
from bossline.reports.steps import above_the_floor
from bossline.reports.wording import (
    beside,
    brought_by,
    of_targets,
    score_of,
    standing,
    which_way,
)
from bossline.runs.info import RunInfo
from bossline.runs.run import Run
from bossline.studies.folds import Folds


def runs_table(runs: Sequence[Run]) -> Table:
    """The ladder: target, score with interval, parameters, time; fits 80 columns.

    Args:
        runs: finished ones of one measure.
    """
    metric = runs[0].metric
    target_column, size, time = tr("target"), tr("size"), tr("time")
    table = new_table(
        tr("rung"), target_column, score_of(metric), "", size, time,
        right=(target_column, size, time),
    )  # fmt: skip
    for run in runs:
        score, target = run.scores["test"].score, run.target
        table.add_row(
            run.label,
            f"{target.score:.4f}" if target else "",
            str(score),
            term(standing(score, target.score)) if target else "",
            _count(run.info.parameters),
            duration(run.info.seconds or 0),
        )
    notes = [*of_targets(runs), *_against_the_floor(runs), *lower_is_better(metric)]
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
    size = tr("size, time")
    table = new_table(
        tr("rung"), score_of(rungs[0].metric), tr("against the rung below"), size, right=(size,)
    )
    for below, rung in zip([None, *rungs], rungs, strict=False):
        test = rung.scores["test"]
        table.add_row(
            rung.label.split("/", 1)[-1],
            str(test.score),
            "" if below is None else _gain(test, below.scores["test"]),
            f"{_count(rung.info.parameters)}\n{duration(rung.info.seconds or 0)}",
        )
    test = rungs[0].scores["test"]
    notes = [
        tr(
            "{folds} folds test {items}, each once; time of all",
            folds=len(rungs[0].runs),
            items=test.counted,
        )
    ]
    notes += [*_against_the_floor(rungs), *lower_is_better(test.measure)]
    return with_notes(table, notes, [rung.info for rung in rungs])


def scores_table(scores: Mapping[str, Scores]) -> Table:
    """Scores split by split; where smoothing or views decided, what they changed."""
    metric = scores["test"].measure
    others = dict.fromkeys(heading for found in scores.values() for heading in found.others)
    measure = tr("{measure} [95 %]", measure=term(metric.words))
    table = new_table(tr("split"), measure, *map(term, others), tr("of"))
    for split, found in scores.items():
        told = (found.others.get(heading, "") for heading in others)
        table.add_row(split_words(split), str(found.score), *told, found.counted)
    notes = [
        tr(
            "{what} on test: {difference}",
            what=brought_by(lacking),
            difference=paired_difference(scores["test"], before),
        )
        for lacking, before in beside(scores).items()
    ]
    return with_notes(table, notes + lower_is_better(metric), [])


def per_class_table(scores: ClassificationScores, classes: Sequence[str]) -> Table:
    """Precision, recall and F1 of each class, most frequent class first."""
    numbers = (term(scores.unit), tr("precision"), tr("recall"), "F1")
    table = new_table(tr("class"), *numbers, right=numbers)
    confusion = np.array(scores.confusion)
    rates = np.stack(precision_recall_f1(confusion), axis=1)
    counts = confusion.sum(1)
    for label in counts.argsort(kind="stable")[::-1]:
        shown = [f"{value:.4f}" for value in rates[label]]
        table.add_row(classes[label], f"{counts[label]:,}", *shown)
    return table


def _against_the_floor(runs: Sequence[Run] | Sequence[Folds]) -> list[str]:
    """A note for each rung of a ladder that its neighbour does not hold against the floor."""
    found = [step for step in above_the_floor(runs) if step.comparison]
    lines = [
        tr("  {rung}: {difference}", rung=step.upper, difference=step.comparison)
        for step in found
        if step.comparison
    ]
    return [tr("against {rung}:", rung=found[0].lower), *lines] if found else []


def _gain(above: Scores, below: Scores) -> str:
    return in_two_lines(paired_difference(above, below))


def in_two_lines(found: Comparison) -> str:
    return f"{found.change}\n{term(found.verdict)}"


def lower_is_better(metric: Metric) -> list[str]:
    """A note below a table of scores, where less is better."""
    return [which_way(metric)] if which_way(metric) else []


def with_notes(table: Table, notes: Sequence[str], infos: Sequence[RunInfo]) -> Table:
    """Notes below a table, and what the corpora have to say."""
    remarks = dict.fromkeys(term(info.corpus_note) for info in infos if info.corpus_note)
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
