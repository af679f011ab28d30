"""Train every cell of a study from every seed, and say which cells differ."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from bossline.core.counting import counted
from bossline.core.html import html_table
from bossline.core.language import speaking, term, tr
from bossline.core.progress import duration
from bossline.core.terminal import terminal
from bossline.data.packed import Corpus
from bossline.data.store import name_of, open_corpus
from bossline.evaluation.comparison import Comparison
from bossline.evaluation.scores import Metric
from bossline.recipes.overrides import Overrides
from bossline.runs.folders import study_folder
from bossline.runs.run import Run
from bossline.studies.kept import THE_SAME_COMMAND, is_finished, run_path
from bossline.studies.side_by_side import Workplace, threads_of, train_all
from bossline.studies.standings import Entry, Standings
from bossline.studies.study import Study, open_study
from bossline.tasks import task_of
from bossline.training.signals import Interrupted


@dataclass(frozen=True)
class Sweep:
    """What a study found: the cells with a finished run of every seed, and what went wrong."""

    study: Study
    corpus: str
    entries: Mapping[int, Entry]  # by the place of the cell in the study
    failures: Mapping[str, str]  # what went wrong, by cell and seed

    @cached_property
    def comparisons(self) -> dict[int, Comparison]:
        """Of each other cell to the reference, by its place; none where the reference failed."""
        entries = dict(self.entries)
        reference = entries.pop(self.study.reference, None)
        if reference is None:
            return {}
        found = Standings.of(reference, list(entries.values())).comparisons
        return dict(zip(entries, found, strict=True))

    @property
    def metric(self) -> Metric:
        return task_of(self.study.recipes[0]).metric

    @property
    def chosen(self) -> int:
        """Place of the cell that is best on validation; of equal ones the first.

        Raises:
            ValueError: no cell is complete.
        """
        return max(self.entries, key=lambda place: self.metric.gain(self.validation(place)))

    @property
    def runs(self) -> dict[str, Run]:
        """The first seed's run of each cell by its name, as `bossline.plot` takes them."""
        return {entry.name: entry.runs[0] for entry in self.entries.values()}

    def __repr__(self) -> str:
        cells = counted(len(self.study.cells), "cell")
        return f"Sweep({self.study.name!r} on {self.corpus}: {len(self.entries)} of {cells})"

    @speaking()
    def _repr_html_(self) -> str:
        rows = [
            (
                entry.name,
                f"{self.validation(place):.4f}",
                entry.score,
                self.comparisons.get(place, ""),
            )
            for place, entry in self.entries.items()
        ]
        measure = term(self.metric.words)
        head = (
            tr("cell"),
            tr("{split} {measure}", split=term("validation"), measure=measure),
            tr("test {measure} [95 %]", measure=measure),
            tr("against the reference"),
        )
        return html_table(
            tr("{what} on {corpus}", what=self.study.name, corpus=self.corpus), head, rows
        )

    def validation(self, place: int) -> float:
        """Mean validation score over seeds: what a cell is chosen by."""
        runs = self.entries[place].runs
        return fmean(run.scores["validation"].score.value for run in runs)


def sweep_folder(study: Study, corpus: str) -> Path:
    """Where the runs and the report of a sweep are."""
    return study_folder("sweep", study.name, corpus)


def sweep(
    study: str | Study,
    corpus: str | Path | Corpus,
    values: Overrides = (),
    *,
    seeds: int | None = None,
    jobs: int = 1,
    device: str = "auto",
    threads: int | None = None,
    console: Console | None = None,
) -> Sweep:
    """Train what is not there yet; finished runs are reused, interrupted ones resumed.

    Args:
        study: what `open_study` opens, or what it returned.
        corpus: a name given at import, the folder of a packed corpus, its URL, or an open one.
        values: ["model.dropout=0,0.25", "epochs=3"] or {"model.dropout": [0, 0.25], "epochs": 3};
            several values are an axis of the grid. An open study has its own.
        seeds: runs of each cell; None takes what the study says, or 3.
        jobs: processes next to each other.
        threads: CPU threads of each process; None shares all cores between them.
        console: where progress is shown; None shows it on the terminal.

    Raises:
        UserError: no such study or corpus, or values that do not fit. A run that fails is reported
            in the result instead.
        Interrupted: Ctrl-C or SIGTERM; the same call goes on.
    """
    if not isinstance(study, Study):
        study = open_study(study, values, seeds=seeds)
    for recipe in study.recipes:  # refuses before anything else
        recipe.check_validated("a sweep")
    open_corpus(corpus)
    corpus = name_of(corpus)
    folder = sweep_folder(study, corpus)
    places = [(cell, seed) for seed in study.seeds for cell in range(len(study.cells))]
    paths = {at: run_path(study.seeded(*at), corpus, folder) for at in places}
    missing = [at for at in places if not is_finished(paths[at], study.seeded(*at))]
    failed: dict[tuple[int, int], str] = {}
    with _progress(console or terminal(), len(places), len(places) - len(missing)) as progress:

        def report(number: int, failure: str | None) -> None:
            at = missing[number]
            if failure is not None:
                failed[at] = failure
            progress.ended(_name(study, *at), paths[at], failure)

        try:
            train_all(
                [study.seeded(*at) for at in missing],
                Workplace(corpus, folder, device, threads or threads_of(jobs)),
                jobs,
                report,
            )
        except Interrupted as stop:
            finished = sum(is_finished(paths[at], study.seeded(*at)) for at in places)
            raise Interrupted(
                f"stopped with {finished} of {counted(len(places), 'run')} finished; "
                f"{THE_SAME_COMMAND}"
            ) from stop
    entries = {
        cell: _entry(study.cells[cell].name, [Run(paths[cell, seed]) for seed in study.seeds])
        for cell in range(len(study.cells))
        if not any((cell, seed) in failed for seed in study.seeds)
    }
    return Sweep(study, corpus, entries, {_name(study, *at): why for at, why in failed.items()})


def _entry(name: str, runs: Sequence[Run]) -> Entry:
    return Entry(name, tuple(runs), tuple(run.scores["test"] for run in runs))


def _name(study: Study, cell: int, seed: int) -> str:
    return f"{study.cells[cell].name}, seed {seed}"


class _Ended:
    """Tells of runs that have ended: a line each, and a bar with the time left."""

    def __init__(self, console: Console, progress: Progress, total: int, found: int) -> None:
        self._console, self._progress = console, progress
        self._total, self._done, self._trained = total, found, 0
        self._began = time.monotonic()
        self._bar = progress.add_task("", total=total, completed=found, left="")

    def ended(self, name: str, path: Path, failure: str | None) -> None:
        self._done, self._trained = self._done + 1, self._trained + 1
        seconds = (time.monotonic() - self._began) / self._trained * (self._total - self._done)
        left = f"about {duration(seconds)} left" if self._done < self._total else ""
        self._progress.update(self._bar, completed=self._done, left=left)
        if failure is not None:
            result = f"failed: {failure}"
        else:
            result = f"{Run(path).scores['test'].score.value:.4f}"
        self._console.print(
            f"{self._done}/{self._total}  {name}: {result}" + (f"  ({left})" if left else ""),
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


@contextmanager
def _progress(console: Console, total: int, found: int) -> Iterator[_Ended]:
    if found:
        console.print(
            f"{found} of {counted(total, 'run')} {'is' if found == 1 else 'are'} there already",
            highlight=False,
        )
    shown = Progress(
        SpinnerColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} runs"),
        BarColumn(),
        TextColumn("{task.fields[left]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with shown:
        yield _Ended(console, shown, total, found)
