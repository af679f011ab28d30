"""A table of how soon recipes learn."""

from __future__ import annotations

from collections.abc import Sequence

from bossline.core.language import term, tr
from bossline.core.progress import duration
from bossline.reports.study import StudyTable
from bossline.studies.pace import pace, reached_by_all
from bossline.studies.standings import Entry

UNKNOWN = "–"


def of_training() -> str:
    """What a training score is."""
    return tr(
        "the score over the steps of the best epoch, taken as the model learnt, with its dropout "
        "and augmentation"
    )


def pace_tables(entries: Sequence[Entry]) -> list[StudyTable]:
    """One table, or none where fewer than two runs have epochs."""
    score = reached_by_all(entries)
    if score is None:
        return []
    rows = []
    for entry in entries:
        found = pace(entry, score)
        rows.append(
            (entry.name, f"{found.epochs:.3g}", duration(found.seconds))
            if found
            else (entry.name, UNKNOWN, UNKNOWN)
        )
    heading = tr(
        "How soon: to a validation {measure} of {score:.4f}, which all reach",
        measure=term(entries[0].metric.words),
        score=score,
    )
    return [StudyTable(heading, (tr("recipe"), tr("epochs"), tr("training time")), rows)]


def four_digits(value: float | None) -> str:
    """A score, or that it is not known."""
    return UNKNOWN if value is None else f"{value:.4f}"
