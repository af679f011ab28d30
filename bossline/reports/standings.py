"""Tables, pictures and words about recipes held against a reference: on a page, in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import get_args

from matplotlib.ticker import EngFormatter

from bossline.core.counting import counted
from bossline.core.language import term, tr
from bossline.core.progress import duration
from bossline.evaluation.comparison import Verdict
from bossline.figures.picture import Picture
from bossline.reports.details import training
from bossline.reports.differences import differences
from bossline.reports.efficiency import efficiency
from bossline.reports.pace import UNKNOWN, four_digits, of_training, pace_tables
from bossline.reports.study import StudyTable, write_study
from bossline.reports.wording import (
    difference_of,
    hardware,
    items_of,
    score_of,
    signed,
    size_of,
    split_of,
    stands_on,
    which_way,
)
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
        verdict = found.verdict if found else tr("reference")
        learnt = four_digits(training_score(entry.runs)), four_digits(validation_score(entry))
        rows.append((entry.name, *seeds, *learnt, str(entry.score), difference, verdict))
    columns = (
        tr("recipe"),
        *([tr("seeds")] if several else []),
        tr("training"),
        tr("validation"),
        score_of(standings.metric),
        tr("difference [95 %]"),
        tr("verdict"),
    )
    return StudyTable(tr("Results"), columns, rows)


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
    columns = (
        tr("recipe"),
        tr("parameters"),
        tr("MACs of {item}", item=_a(item)),
        tr("{units} a second", units=term(unit)),
        tr("time"),
        tr("MACs of training"),
        term(compared.standings.metric.words),
    )
    return StudyTable(tr("Costs of a run"), columns, rows)


def _a(item: str) -> str:
    """One of what is counted, with the article that English wants."""
    return term(f"an {item}" if item == "image" else f"a {item}")


def keys_table(compared: Compared) -> StudyTable:
    """Where the recipes differ."""
    columns = (tr("key"), *(entry.name for entry in compared.standings.entries))
    rows = [(key, *values) for key, values in compared.keys.items()]
    return StudyTable(tr("What differs"), columns, rows)


def write_comparison(path: Path, compared: Compared, *, command: str) -> Path:
    """Write the page of a comparison.

    Args:
        command: that repeats it.

    Raises:
        UserError: the file cannot be written.
    """
    standings, metric = compared.standings, compared.standings.metric
    corner = tr("upper left") if metric.higher_is_better else tr("lower left")
    items = items_of(standings.reference.runs[0])
    item = term(standings.reference.runs[0].info.features.item)
    pictures = [_differences(standings), *_curves(standings, "compare")]
    if any(compared.costs):
        pictures.append(
            Picture.of(
                efficiency(compared),
                "compare-costs",
                tr(
                    "Test {measure} against multiply-accumulates of {names}",
                    measure=term(metric.words),
                    names=tr(", ").join(entry.name for entry in standings.entries),
                ),
                tr(
                    "Score against cost, as far as it is known: {corner} is better. Forward and "
                    "backward steps of a training count, validation does not.",
                    corner=corner,
                ),
            )
        )
    return write_study(
        path,
        title=_title(standings),
        stands_on=stands_on(_runs(standings.entries)),
        about=tr(
            "Finished runs on the same test {items}; runs that differ in their seed only are one. "
            "A difference is that to the reference, {item} by {item}.",
            items=items,
            item=item,
        ),
        facts={
            **_facts(standings),
            tr("hardware"): tr(", ").join(
                dict.fromkeys(hardware(run.info) for run in _runs(standings.entries))
            ),
            tr("costs"): tr(
                "multiply-accumulates of matrix products, convolutions, recurrences and attention; "
                "a training step counts as three forward passes"
            ),
            tr("command"): command,
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
        title=tr("{name}, part by part", name=name),
        stands_on=stands_on(_runs(standings.entries)),
        about=(
            tr(
                "Each row is {name} with one part more: it is worth its place where the row is "
                "better.",
                name=name,
            )
            if added
            else tr(
                "Each row is {name} with one part less: it is worth its place where the row is "
                "worse.",
                name=name,
            )
        ),
        facts={**_facts(standings), tr("command"): command},
        verdict=verdict_of(standings),
        tables=[result_table(standings), *pace_tables(standings.entries)],
        pictures=[_differences(standings), *_curves(standings, "ablate")],
    )


def verdict_of(standings: Standings) -> str:
    """What was found, in a paragraph."""
    sentences = []
    for verdict in get_args(Verdict):
        found = [
            tr("{name} ({change})", name=entry.name, change=signed(comparison.difference.value))
            for entry, comparison in zip(standings.others, standings.comparisons, strict=True)
            if comparison.verdict == verdict
        ]
        if found:
            told: dict[str, object] = {
                "reference": standings.reference.name,
                "found": tr(", ").join(found),
            }
            sentences.append(
                {
                    "better": tr("Better than {reference}: {found}.", **told),
                    "worse": tr("Worse than {reference}: {found}.", **told),
                    "no evidence of a difference": tr(
                        "No evidence of a difference from {reference}: {found}.", **told
                    ),
                }[verdict]
            )
    count = len(standings.comparisons)
    if count > 1:
        sentences.append(
            tr(
                "These verdicts hold for all {count} together (Holm); an interval is that of its "
                "row alone.",
                count=count,
            )
        )
    if not _has_seeds(standings):
        sentences.append(tr("Of one seed each: what another seed would change is not in them."))
    return tr(" ").join(sentences)


def _title(standings: Standings) -> str:
    others = [entry.name for entry in standings.others]
    shown = tr(" and ").join(others) if len(others) < 3 else counted(len(others), "recipe")
    return tr("{others} against {reference}", others=shown, reference=standings.reference.name)


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
        tr("corpus"): tr(", ").join(dict.fromkeys(info.corpus for info in infos)),
        tr("about the corpus"): tr(" ").join(map(term, notes)),
        tr("test split"): size_of(first, "test"),
        tr("split"): split_of(first.recipe.split),
        tr("task"): first.recipe.task,
        tr("measure"): which_way(metric),
        tr("training"): of_training(),
        tr("seeds"): tr("; ").join(dict.fromkeys(entry.seeds for entry in standings.entries)),
    }
    return {fact: value for fact, value in facts.items() if value}


def _differences(standings: Standings) -> Picture:
    told: dict[str, object] = {
        "measure": term(standings.metric.words),
        "reference": standings.reference.name,
    }
    return Picture.of(
        differences(standings),
        "differences",
        tr("Differences in test {measure} to {reference}", **told),
        tr(
            "Test {measure} minus that of {reference}, with 95% intervals: green is better, red is "
            "worse, grey is no evidence of a difference.",
            **told,
        ),
    )


def _curves(standings: Standings, key: str) -> list[Picture]:
    """Of the first seed of each entry."""
    firsts = {entry.runs[0].path: entry.runs[0] for entry in standings.entries}
    return training(list(firsts.values()), key)
