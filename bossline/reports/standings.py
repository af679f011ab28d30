"""Tables, pictures and words about recipes held against a reference: on a page, in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import get_args

from matplotlib.ticker import EngFormatter

from bossline.core.progress import duration
from bossline.evaluation.comparison import Verdict
from bossline.figures.picture import Picture
from bossline.reports.details import training
from bossline.reports.differences import differences
from bossline.reports.efficiency import efficiency
from bossline.reports.pace import TRAINING, UNKNOWN, four_digits, pace_tables
from bossline.reports.study import StudyTable, write_study
from bossline.reports.wording import difference_of, items_of, signed, size_of, split_of, stands_on
from bossline.runs.run import Run
from bossline.studies.compare import Compared
from bossline.studies.pace import training_score, validation_score
from bossline.studies.standings import Entry, Standings

_ROUNDED = EngFormatter(places=1, sep=" ")


def result_table(standings: Standings) -> StudyTable:
    """Scores, and how they stand to the reference; seeds only where an entry has several."""
    several = _has_seeds(standings)
    rows = []
    for entry, found in zip(standings.entries, [None, *standings.comparisons], strict=True):
        seeds = (entry.seeds,) if several else ()
        difference = difference_of(found.difference) if found else ""
        verdict = found.verdict if found else "reference"
        learnt = four_digits(training_score(entry.runs)), four_digits(validation_score(entry))
        rows.append((entry.name, *seeds, *learnt, str(entry.score), difference, verdict))
    seeds = ("seeds",) if several else ()
    score = f"test {standings.metric.words} [95 %]"
    columns = ("recipe", *seeds, "training", "validation", score, "difference [95 %]", "verdict")
    return StudyTable("Results", columns, rows)


def costs_table(compared: Compared) -> StudyTable:
    """What a run of each entry costs, a mean over seeds, beside its score."""
    entries = compared.standings.entries
    unit, item = entries[0].scores[0].unit, compared.item
    rows = []
    for entry, cost in zip(entries, compared.costs, strict=True):
        infos = [run.info for run in entry.runs]
        rates = [info.per_second for info in infos if info.per_second is not None]
        seconds = [info.seconds for info in infos if info.seconds is not None]
        rows.append(
            (
                entry.name,
                f"{infos[0].parameters:,}",
                _ROUNDED(cost.per_item) if cost else UNKNOWN,
                f"{fmean(rates):,.0f}" if rates else UNKNOWN,
                duration(fmean(seconds)) if seconds else UNKNOWN,
                _ROUNDED(cost.training) if cost and cost.training else UNKNOWN,
                f"{entry.score.value:.4f}",
            )
        )
    per_second = f"{unit} a second"
    columns = (
        "recipe", "parameters", f"MACs of a{'n' if item == 'image' else ''} {item}", per_second,
        "time", "MACs of training", compared.standings.metric.words,
    )  # fmt: skip
    return StudyTable("Costs of a run", columns, rows)


def keys_table(compared: Compared) -> StudyTable:
    """Where the recipes differ."""
    columns = ("key", *(entry.name for entry in compared.standings.entries))
    rows = [(key, *values) for key, values in compared.keys.items()]
    return StudyTable("What differs", columns, rows)


def write_comparison(path: Path, compared: Compared, *, command: str) -> Path:
    """Write the page of a comparison.

    Args:
        command: that repeats it.

    Raises:
        UserError: the file cannot be written.
    """
    standings, metric = compared.standings, compared.standings.metric
    corner = "upper left" if metric.higher_is_better else "lower left"
    items = items_of(standings.reference.runs[0])
    pictures = [_differences(standings), *_curves(standings, "compare")]
    if any(compared.costs):
        pictures.append(
            Picture.of(
                efficiency(compared),
                "compare-costs",
                f"Test {metric.words} against multiply-accumulates of "
                + ", ".join(entry.name for entry in standings.entries),
                f"Score against cost, as far as it is known: {corner} is better. Forward and "
                "backward steps of a training count, validation does not.",
            )
        )
    return write_study(
        path,
        title=_title(standings),
        stands_on=stands_on(_runs(standings.entries)),
        about=f"Finished runs on the same test {items}; runs that differ in their seed only are "
        f"one. A difference is that to the reference, {items[:-1]} by {items[:-1]}.",
        facts={
            **_facts(standings),
            "hardware": ", ".join(
                dict.fromkeys(run.info.hardware for run in _runs(standings.entries))
            ),
            "costs": "multiply-accumulates of matrix products, convolutions, recurrences and "
            "attention; a training step counts as three forward passes",
            "command": command,
        },
        verdict=verdict_of(standings),
        tables=[
            result_table(standings),
            *pace_tables(standings.entries),
            costs_table(compared),
            keys_table(compared),
        ],
        pictures=pictures,
    )


def write_ablation(path: Path, standings: Standings, *, added: bool, command: str) -> Path:
    """Write the page of an ablation.

    Args:
        added: whether parts were added, not removed.
        command: that repeats it.

    Raises:
        UserError: the file cannot be written.
    """
    name = standings.reference.name
    return write_study(
        path,
        title=f"{name}, part by part",
        stands_on=stands_on(_runs(standings.entries)),
        about=(
            f"Each row is {name} with one part more: it is worth its place where the row is better."
            if added
            else f"Each row is {name} with one part less: it is worth its place where the row is "
            "worse."
        ),
        facts={**_facts(standings), "command": command},
        verdict=verdict_of(standings),
        tables=[result_table(standings), *pace_tables(standings.entries)],
        pictures=[_differences(standings), *_curves(standings, "ablate")],
    )


def verdict_of(standings: Standings) -> str:
    """What was found, in a paragraph."""
    sentences = []
    for verdict in get_args(Verdict):
        found = [
            f"{entry.name} ({signed(comparison.difference.value)})"
            for entry, comparison in zip(standings.others, standings.comparisons, strict=True)
            if comparison.verdict == verdict
        ]
        if found:
            against = "from" if verdict.startswith("no ") else "than"
            start = f"{verdict[0].upper()}{verdict[1:]} {against} {standings.reference.name}"
            sentences.append(f"{start}: {', '.join(found)}.")
    count = len(standings.comparisons)
    if count > 1:
        sentences.append(
            f"These verdicts hold for all {count} together (Holm); an interval is that of its row "
            "alone."
        )
    if not _has_seeds(standings):
        sentences.append("Of one seed each: what another seed would change is not in them.")
    return " ".join(sentences)


def _title(standings: Standings) -> str:
    others = [entry.name for entry in standings.others]
    shown = " and ".join(others) if len(others) < 3 else f"{len(others)} recipes"
    return f"{shown} against {standings.reference.name}"


def _has_seeds(standings: Standings) -> bool:
    return any(len(entry.runs) > 1 for entry in standings.entries)


def _runs(entries: Sequence[Entry]) -> list[Run]:
    """All runs, each once."""
    return list({run.path: run for entry in entries for run in entry.runs}.values())


def _facts(standings: Standings) -> dict[str, str]:
    first, metric = standings.reference.runs[0], standings.metric
    infos = [run.info for run in _runs(standings.entries)]
    notes = dict.fromkeys(info.corpus_note for info in infos if info.corpus_note)
    facts = {
        "corpus": ", ".join(dict.fromkeys(info.corpus for info in infos)),
        "about the corpus": " ".join(notes),
        "test split": size_of(first, "test"),
        "split": split_of(first.recipe.split).removeprefix("split "),
        "task": first.recipe.task,
        "measure": "" if metric.higher_is_better else f"{metric.words}: lower is better",
        "training": TRAINING,
        "seeds": "; ".join(dict.fromkeys(entry.seeds for entry in standings.entries)),
    }
    return {fact: value for fact, value in facts.items() if value}


def _differences(standings: Standings) -> Picture:
    words = standings.metric.words
    return Picture.of(
        differences(standings),
        "differences",
        f"Differences in test {words} to {standings.reference.name}",
        f"Test {words} minus that of {standings.reference.name}, with 95% intervals: green is "
        "better, red is worse, grey is no evidence of a difference.",
    )


def _curves(standings: Standings, key: str) -> list[Picture]:
    """Of the first seed of each entry."""
    firsts = {entry.runs[0].path: entry.runs[0] for entry in standings.entries}
    return training(list(firsts.values()), key)
