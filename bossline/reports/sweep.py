"""The page of a sweep: a table, the grid in pictures, all learning curves, a verdict."""

from __future__ import annotations

from pathlib import Path

from bossline.core.counting import counted
from bossline.core.language import term, tr
from bossline.evaluation.comparison import Comparison
from bossline.figures.picture import Picture
from bossline.reports.grid import compared_curves, compared_rates, dots, have_rates, heat_map, lines
from bossline.reports.pace import UNKNOWN, four_digits, of_training, pace_tables
from bossline.reports.study import StudyTable, write_study
from bossline.reports.wording import (
    best_of,
    difference_of,
    items_of,
    score_of,
    signed,
    size_of,
    split_of,
    spread,
    stands_on,
    together,
    which_way,
)
from bossline.studies.pace import training_score
from bossline.studies.sweep import Sweep, sweep_folder


def write_sweep_report(found: Sweep, command: str) -> Path:
    """Write report.html beside the runs of a sweep.

    Args:
        found: at least one complete cell.
        command: that makes it again.

    Raises:
        UserError: the file cannot be written.
    """
    return write_study(
        sweep_folder(found.study, found.corpus) / "report.html",
        title=tr(
            "Sweep: {study} on {corpus}",
            study=found.study.title,
            corpus=Path(found.corpus).name,
        ),
        stands_on=stands_on([run for entry in found.entries.values() for run in entry.runs]),
        about=term(found.study.about),
        facts=_facts(found, command),
        verdict=verdict(found),
        tables=[_table(found), *pace_tables(list(found.entries.values()))],
        pictures=_pictures(found),
    )


def verdict(found: Sweep) -> str:
    """What the figures say, in a paragraph."""
    names = {place: entry.name for place, entry in found.entries.items()}
    chosen, metric = found.chosen, found.metric
    parts = [
        tr(
            "Of {cells}, {chosen} has the {best} validation {measure} ({validation:.4f}); its test "
            "{measure} is {test:.4f} (95% interval {interval}){against}.",
            cells=counted(len(names), "cell"),
            chosen=names[chosen],
            best=best_of(metric),
            measure=term(metric.words),
            validation=found.validation(chosen),
            test=found.entries[chosen].score.value,
            interval=spread(found.entries[chosen].score),
            against=_against(found, chosen),
        )
    ]
    reference = found.study.cells[found.study.reference].name
    verdicts = [comparison.verdict for comparison in found.comparisons.values()]
    if verdicts:
        parts.append(
            tr(
                "Held against {reference} on test, better: {better} of {count}, worse: {worse}, "
                "no evidence of a difference: {none}.",
                reference=reference,
                better=verdicts.count("better"),
                count=len(verdicts),
                worse=verdicts.count("worse"),
                none=verdicts.count("no evidence of a difference"),
            )
        )
        if set(verdicts) == {"no evidence of a difference"}:
            scores = [entry.score.value for entry in found.entries.values()]
            parts.append(
                tr(
                    "The means lie between {low:.4f} and {high:.4f}; what lies between them may be "
                    "chance.",
                    low=min(scores),
                    high=max(scores),
                )
            )
    if len(found.study.seeds) == 1:
        parts.append(tr("One seed a cell: nothing here says how much another seed would change."))
    if found.failures:
        parts.append(tr("Without a result: {cells}.", cells=tr("; ").join(found.failures)))
    return tr(" ").join(parts)


def _against(found: Sweep, place: int) -> str:
    comparison = found.comparisons.get(place)
    if comparison is None:
        return tr(", the reference") if place == found.study.reference else ""
    return tr(
        ", {change} against {reference} ({verdict})",
        change=signed(comparison.difference.value),
        reference=found.study.cells[found.study.reference].name,
        verdict=term(comparison.verdict),
    )


def _table(found: Sweep) -> StudyTable:
    rows = [
        (
            entry.name,
            f"{entry.runs[0].info.parameters:,}",
            four_digits(training_score(entry.runs)),
            f"{found.validation(place):.4f}",
            str(entry.score),
            *_compared(found.comparisons.get(place), place == found.study.reference),
        )
        for place, entry in found.entries.items()
    ]
    columns = (
        tr("cell"),
        tr("parameters"),
        tr("training"),
        tr("validation"),
        score_of(found.metric),
        tr("difference [95 %]"),
        tr("verdict"),
    )
    return StudyTable(tr("Cells"), columns, rows)


def _compared(comparison: Comparison | None, is_reference: bool) -> tuple[str, str]:
    if comparison is None:
        return "", tr("reference") if is_reference else ""
    return difference_of(comparison.difference), comparison.verdict


def _facts(found: Sweep, command: str) -> dict[str, str]:
    run = next(iter(found.entries.values())).runs[0]
    several = len(found.study.seeds) > 1
    facts = {
        tr("corpus"): f"{run.info.corpus} ({run.info.corpus_key[:12]})",
        tr("about the corpus"): term(run.info.corpus_note),
        tr("validation"): size_of(run, "validation"),
        tr("test"): size_of(run, "test"),
        tr("split"): split_of(run.recipe.split),
        tr("seeds"): tr(
            "{seeds}, the same of every cell; scores are their means",
            seeds=", ".join(map(str, found.study.seeds)),
        ),
        tr("measure"): which_way(found.metric),
        tr("training"): of_training()
        if any(row[2] != UNKNOWN for row in _table(found).rows)
        else "",
        tr("chosen on"): tr("validation, as is the best epoch of each run; test is only reported"),
        tr("intervals"): tr("95%, bootstrapped over test {items} and seeds", items=items_of(run))
        if several
        else tr("95%, bootstrapped over test {items}", items=items_of(run)),
        tr("verdicts"): together(len(found.comparisons)),
        tr("command"): command,
    }
    return {fact: value for fact, value in facts.items() if value}


def _pictures(found: Sweep) -> list[Picture]:
    if all(entry.runs[0].recipe.model.fitted for entry in found.entries.values()):
        return _scores(found)  # without epochs no curves
    told: dict[str, object] = {
        "measure": term(found.metric.words),
        "cells": counted(len(found.entries), "cell"),
    }
    curves = Picture.of(
        compared_curves(found),
        "curves",
        tr("Validation {measure} by epoch of {cells}", **told),
        tr("Validation {measure} after each epoch, mean over seeds.", **told),
    )
    if not have_rates(found):
        return [*_scores(found), curves]
    rates = Picture.of(
        compared_rates(found),
        "rates",
        tr("Learning rate by step of {cells}", **told),
        tr(
            "The learning rate of each cell as it was run; cells of the same schedule share a "
            "panel."
        ),
    )
    return [*_scores(found), curves, rates]


def _scores(found: Sweep) -> list[Picture]:
    axes, words = found.study.axes, term(found.metric.words)
    items = items_of(next(iter(found.entries.values())).runs[0])
    scores = (f"{entry.name} {entry.score.value:.4f}" for entry in found.entries.values())
    label = tr("Test {measure}: {scores}", measure=words, scores=tr(", ").join(scores))
    caption = tr(
        "Mean test {measure} over seeds with the 95% interval of each cell by itself, and the mean "
        "validation {measure}, by which a cell is chosen. Cells are tested on the same {items}, so "
        "that their differences are known better: see the table.",
        measure=words,
        items=items,
    )
    if len(axes) == 1 and axes[0].numbers:
        return [Picture.of(lines(found), "scores", label, caption)]
    if len(axes) == 2:
        return [
            Picture.of(
                heat_map(found),
                "grid",
                label,
                tr(
                    "Mean {measure} over seeds, on validation, by which a cell is chosen, and on "
                    "test; brighter is better.",
                    measure=words,
                ),
            ),
            Picture.of(lines(found), "scores", label, caption),
        ]
    return [Picture.of(dots(found), "scores", label, caption)]
