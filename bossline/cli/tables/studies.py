"""What several runs say together."""

from __future__ import annotations

from textwrap import fill

from rich.table import Table

from bossline.cli.tables.layout import new_table
from bossline.cli.tables.scores import in_two_lines, lower_is_better, with_notes
from bossline.core.counting import counted
from bossline.core.language import tr
from bossline.reports.study import StudyTable
from bossline.reports.wording import score_of, together
from bossline.studies.pace import training_score, validation_score
from bossline.studies.standings import Entry, Standings
from bossline.studies.sweep import Sweep


def sweep_table(found: Sweep) -> Table:
    """The cells of a sweep: means over seeds, and how each stands to the reference."""
    table = new_table(tr("cell"), score_of(found.metric), tr("against the reference"))
    for place, entry in found.entries.items():
        compared = found.comparisons.get(place)
        table.add_row(
            entry.name,
            "\n".join([str(entry.score), *_learnt(entry)]),
            "" if compared is None else in_two_lines(compared),
        )
    reference, seeds = found.study.cells[found.study.reference].name, len(found.study.seeds)
    notes = [
        tr(
            "{seeds} a cell, scores are means; reference: {reference}",
            seeds=counted(seeds, "seed"),
            reference=reference,
        ),
        tr("verdicts {hold}", hold=together(len(found.comparisons))),
        *lower_is_better(found.metric),
    ]
    return with_notes(table, notes, [run.info for e in found.entries.values() for run in e.runs])


def standings_table(standings: Standings) -> Table:
    """Recipes held against a reference; fits 80 columns."""
    table = new_table(tr("recipe"), score_of(standings.metric), tr("against the reference"))
    for entry, found in zip(standings.entries, [None, *standings.comparisons], strict=True):
        seeds = "\n" + tr("seeds {seeds}", seeds=entry.seeds) if len(entry.runs) > 1 else ""
        table.add_row(
            entry.name,
            "\n".join([f"{entry.score}{seeds}", *_learnt(entry)]),
            "" if found is None else in_two_lines(found),
        )
    infos = [run.info for entry in standings.entries for run in entry.runs]
    return with_notes(table, lower_is_better(standings.metric), infos)


def _learnt(entry: Entry) -> list[str]:
    """Mean scores on training and validation, those there are."""
    known = {tr("training"): training_score(entry.runs), tr("validation"): validation_score(entry)}
    return [f"{split} {score:.4f}" for split, score in known.items() if score is not None]


def study_table(content: StudyTable) -> Table:
    """A table of a study's page: numbers stay on one line, names are folded and never cut."""
    table = new_table()
    for number, column in enumerate(content.columns):
        if content.is_numeric(number):
            width = max((len(row[number]) for row in content.rows), default=len(column))
            heading = fill(column, width, break_long_words=False)
            table.add_column(heading, justify="right", no_wrap=True)
        else:
            table.add_column(column, overflow="fold")
    for row in content.rows:
        table.add_row(*row)
    return table
