"""The page of a sweep: a table, the grid in pictures, all learning curves, a verdict."""

from __future__ import annotations

from pathlib import Path

from bossline.core.counting import counted
from bossline.evaluation.comparison import Comparison
from bossline.figures.picture import Picture
from bossline.reports.grid import compared_curves, compared_rates, dots, have_rates, heat_map, lines
from bossline.reports.pace import TRAINING, UNKNOWN, four_digits, pace_tables
from bossline.reports.study import StudyTable, write_study
from bossline.reports.wording import (
    best_of,
    difference_of,
    items_of,
    signed,
    size_of,
    split_of,
    spread,
    stands_on,
    together,
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
        title=f"Sweep: {found.study.title} on {Path(found.corpus).name}",
        stands_on=stands_on([run for entry in found.entries.values() for run in entry.runs]),
        about=found.study.about,
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
        f"Of {counted(len(names), 'cell')}, {names[chosen]} has the {best_of(metric)} validation "
        f"{metric.words} ({found.validation(chosen):.4f}); its test {metric.words} is "
        f"{found.entries[chosen].score.value:.4f} "
        f"(95% interval {spread(found.entries[chosen].score)})"
        f"{_against(found, chosen)}."
    ]
    reference = found.study.cells[found.study.reference].name
    verdicts = [comparison.verdict for comparison in found.comparisons.values()]
    if verdicts:
        parts.append(
            f"Held against {reference} on test, better: {verdicts.count('better')} of "
            f"{len(verdicts)}, worse: {verdicts.count('worse')}, no evidence of a difference: "
            f"{verdicts.count('no evidence of a difference')}."
        )
        if set(verdicts) == {"no evidence of a difference"}:
            scores = [entry.score.value for entry in found.entries.values()]
            parts.append(
                f"The means lie between {min(scores):.4f} and {max(scores):.4f}; what lies "
                "between them may be chance."
            )
    if len(found.study.seeds) == 1:
        parts.append("One seed a cell: nothing here says how much another seed would change.")
    if found.failures:
        parts.append(f"Without a result: {'; '.join(found.failures)}.")
    return " ".join(parts)


def _against(found: Sweep, place: int) -> str:
    comparison = found.comparisons.get(place)
    if comparison is None:
        return ", the reference" if place == found.study.reference else ""
    reference = found.study.cells[found.study.reference].name
    return f", {signed(comparison.difference.value)} against {reference} ({comparison.verdict})"


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
        "cell", "parameters", "training", "validation", f"test {found.metric.words} [95 %]",
        "difference [95 %]", "verdict",
    )  # fmt: skip
    return StudyTable("Cells", columns, rows)


def _compared(comparison: Comparison | None, is_reference: bool) -> tuple[str, str]:
    if comparison is None:
        return "", "reference" if is_reference else ""
    return difference_of(comparison.difference), comparison.verdict


def _facts(found: Sweep, command: str) -> dict[str, str]:
    run = next(iter(found.entries.values())).runs[0]
    metric = found.metric
    facts = {
        "corpus": f"{run.info.corpus} ({run.info.corpus_key[:12]})",
        "about the corpus": run.info.corpus_note,
        "validation": size_of(run, "validation"),
        "test": size_of(run, "test"),
        "split": split_of(run.recipe.split).removeprefix("split "),
        "seeds": f"{', '.join(map(str, found.study.seeds))}, the same of every cell; scores are "
        "their means",
        "measure": "" if metric.higher_is_better else f"{metric.words}: lower is better",
        "training": TRAINING if any(row[2] != UNKNOWN for row in _table(found).rows) else "",
        "chosen on": "validation, as is the best epoch of each run; test is only reported",
        "intervals": f"95%, bootstrapped over test {items_of(run)}"
        + (" and seeds" if len(found.study.seeds) > 1 else ""),
        "verdicts": together(len(found.comparisons)),
        "command": command,
    }
    return {fact: value for fact, value in facts.items() if value}


def _pictures(found: Sweep) -> list[Picture]:
    if all(entry.runs[0].recipe.model.fitted for entry in found.entries.values()):
        return _scores(found)  # without epochs no curves
    curves = Picture.of(
        compared_curves(found),
        "curves",
        f"Validation {found.metric.words} by epoch of {counted(len(found.entries), 'cell')}",
        f"Validation {found.metric.words} after each epoch, mean over seeds.",
    )
    if not have_rates(found):
        return [*_scores(found), curves]
    rates = Picture.of(
        compared_rates(found),
        "rates",
        f"Learning rate by step of {counted(len(found.entries), 'cell')}",
        "The learning rate of each cell as it was run; cells of the same schedule share a panel.",
    )
    return [*_scores(found), curves, rates]


def _scores(found: Sweep) -> list[Picture]:
    axes, words = found.study.axes, found.metric.words
    items = items_of(next(iter(found.entries.values())).runs[0])
    label = f"Test {words}: " + ", ".join(
        f"{entry.name} {entry.score.value:.4f}" for entry in found.entries.values()
    )
    caption = (
        f"Mean test {words} over seeds with the 95% interval of each cell by itself, and the mean "
        f"validation {words}, by which a cell is chosen. Cells are tested on the same {items}, so "
        "that their differences are known better: see the table."
    )
    if len(axes) == 1 and axes[0].numbers:
        return [Picture.of(lines(found), "scores", label, caption)]
    if len(axes) == 2:
        return [
            Picture.of(
                heat_map(found),
                "grid",
                label,
                f"Mean {words} over seeds, on validation, by which a cell is chosen, and on test; "
                "darker is better.",
            ),
            Picture.of(lines(found), "scores", label, caption),
        ]
    return [Picture.of(dots(found), "scores", label, caption)]
