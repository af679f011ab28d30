"""What runs score on the training split, and how soon they reach a score on validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from bossline.runs.run import Run
from bossline.studies.standings import Entry

Rows = list[dict[str, Any]]
"""Records of epochs."""


@dataclass(frozen=True)
class Pace:
    """Means over the seeds of an entry, up to a validation score that every run reached."""

    epochs: float
    seconds: float


def training_score(runs: Sequence[Run]) -> float | None:
    """Mean score on the training split in the epoch that is kept; None where none was trained.

    It is that of the steps of the epoch, with dropout and augmentation, as they were taken.
    """
    found = []
    for run in runs:
        rows = _epochs(run)
        kept = run.info.best_epoch or len(rows)
        found += [row[f"train_{run.metric.name}"] for row in rows if row["epoch"] == kept]
    return fmean(found) if len(found) == len(runs) else None


def validation_score(entry: Entry) -> float | None:
    """Mean over seeds; None where an entry's scores are not those that its runs kept."""
    if any(run.scores["test"] != test for run, test in zip(entry.runs, entry.scores, strict=True)):
        return None
    return fmean(run.scores["validation"].score.value for run in entry.runs)


def reached_by_all(entries: Sequence[Entry]) -> float | None:
    """The best validation score of the weakest run, which all others reach too.

    None where fewer than two runs have epochs: those that were fitted have none.
    """
    best = [_best(run, rows) for run, rows in _trained(entries)]
    metric = entries[0].metric
    return min(best, key=metric.gain) if len(best) > 1 else None


def pace(entry: Entry, score: float) -> Pace | None:
    """How soon the runs of an entry reached a score; None where they have no epochs."""
    runs = _trained([entry])
    if len(runs) < len(entry.runs):
        return None
    firsts = [(run, rows[-1]["step"], _first(run, rows, score)) for run, rows in runs]
    return Pace(
        fmean(row["epoch"] for _, _, row in firsts),
        fmean((run.info.seconds or 0.0) * row["step"] / steps for run, steps, row in firsts),
    )


def _trained(entries: Sequence[Entry]) -> list[tuple[Run, Rows]]:
    """All runs with epochs, each once, and the records of these."""
    runs = {run.path: run for entry in entries for run in entry.runs}
    return [(run, rows) for run in runs.values() if (rows := _epochs(run))]


def _epochs(run: Run) -> Rows:
    return [row for row in run.metrics() if row["kind"] == "epoch"]


def _best(run: Run, rows: Rows) -> float:
    scores: list[float] = [row[f"validation_{run.metric.name}"] for row in rows]
    return max(scores, key=run.metric.gain)


def _first(run: Run, rows: Rows, score: float) -> dict[str, Any]:
    """The first epoch with at least that score."""
    gain = run.metric.gain
    key = f"validation_{run.metric.name}"
    return next(row for row in rows if gain(row[key]) >= gain(score))
