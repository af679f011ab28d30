"""One self-contained HTML page about one run or a whole ladder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from bossline.core.errors import UserError
from bossline.core.files import write_text
from bossline.core.language import speaking, term, tr
from bossline.evaluation.classification import ClassificationScores
from bossline.figures.classes import HardClass, hardest_classes
from bossline.figures.confusion import ConfusedPair, confused_pairs
from bossline.figures.picture import Picture
from bossline.recipes.naming import sentence
from bossline.reports import wording
from bossline.reports.details import details, has_many_classes, training
from bossline.reports.ladder import ladder
from bossline.reports.order import Rung, from_the_lowest_rung, labels
from bossline.reports.steps import steps
from bossline.reports.template import render
from bossline.runs.run import Run
from bossline.studies.folds import Folds


@dataclass(frozen=True)
class _Entry:
    """A rung by its label; the run behind it is the only one, or the first of its folds."""

    name: str
    rung: Rung
    run: Run
    folds: tuple[Run, ...]

    @classmethod
    def of(cls, name: str, rung: Rung) -> _Entry:
        if isinstance(rung, Folds):
            return cls(name, rung, rung.runs[0], rung.runs)
        return cls(name, rung, rung, ())


def write_report(
    runs: Sequence[Rung], path: str | Path, title: str | None = None, lang: str | None = None
) -> Path:
    """Write a page with scores, comparisons and pictures of some runs.

    The same runs give the same bytes. Unfinished runs are shown as far as they got. Of folds, the
    scores are those of all together, the pictures those of the first.

    Args:
        runs: at least one, or folds, in any order; the page goes from the lowest target up.
        path: the HTML file; replaced as a whole.
        title: of the page; by default the name of the runs' recipes.
        lang: "en" or "zh" (Traditional Chinese); by default that of BOSSLINE_LANG, or English.

    Raises:
        UserError: no runs, runs of several measures, no such language, or the file cannot be
            written.
    """
    if not runs:
        raise UserError("a report needs at least one run")
    if len({run.metric.name for run in runs}) > 1:
        tasks = sorted({run.recipe.task for run in runs})
        raise UserError(
            f"runs of the tasks {' and '.join(tasks)} are measured in different ways: give those "
            "of one task"
        )
    ordered = from_the_lowest_rung(runs)
    entries = list(map(_Entry.of, labels(ordered), ordered))
    with speaking(lang):
        html = _page(ordered, entries, title)
    written = Path(path)
    write_text(written, html)
    return written


def _page(ordered: Sequence[Rung], entries: Sequence[_Entry], title: str | None) -> str:
    shown = [entry.run for entry in entries]
    return render(
        "page.html.j2",
        title=title or _title(ordered),
        stands_on=wording.stands_on(ordered),
        entries=entries,
        notes=list(dict.fromkeys(r.info.corpus_note for r in ordered if r.info.corpus_note)),
        of_targets=wording.of_targets(ordered),
        steps=steps(ordered),
        overview=_overview(ordered),
        metric=ordered[0].metric,
        measure=term(ordered[0].metric.words),
        others=_other_headings(ordered),
        targets=_have_targets(ordered),
        frames=any(run.task.unit == "frames" for run in shown),
        items=tr(" or ").join(dict.fromkeys(map(wording.items_of, shown))),
        together=_together(shown),
        curves=training(shown, "all") if len(shown) > 1 else [],
        details=details,
        pairs=_pairs,
        hardest=_hardest,
        recipe_of=lambda run: yaml.safe_dump(
            run.recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True
        ),
        about=sentence,
        wording=wording,
    )


def _title(runs: Sequence[Rung]) -> str:
    names = labels(runs)
    corpora = dict.fromkeys(Path(run.info.corpus).name for run in runs)
    which = names[0] if len(names) == 1 else tr("{low} to {high}", low=names[0], high=names[-1])
    return tr("{what} on {corpus}", what=which, corpus=tr(" and ").join(corpora))


def _pairs(run: Run) -> list[ConfusedPair]:
    """Nothing where values are predicted."""
    test = run.scores.get("test")
    if not isinstance(test, ClassificationScores):
        return []
    return confused_pairs(test, run.info.classes)


def _hardest(run: Run) -> list[HardClass]:
    """Nothing where a confusion matrix shows all classes."""
    test = run.scores.get("test")
    if not isinstance(test, ClassificationScores) or not has_many_classes(run):
        return []
    return hardest_classes(test, run.info.classes)


def _other_headings(runs: Sequence[Rung]) -> list[str]:
    """Of what any of the runs tells beside its measure."""
    tests = [run.scores["test"] for run in runs if "test" in run.scores]
    return list(dict.fromkeys(heading for test in tests for heading in test.others))


def _overview(runs: Sequence[Rung]) -> Picture:
    scored = [
        f"{name} {run.scores['test'].score.value:.4f}"
        for name, run in zip(labels(runs), runs, strict=True)
        if "test" in run.scores
    ]
    told: dict[str, object] = {
        "measure": term(runs[0].metric.words),
        "scores": tr(", ").join(scored) or tr("no scores yet"),
    }
    if not _have_targets(runs):
        label = tr("Test {measure}: {scores}", **told)
        caption = tr("Test {measure} with its 95% interval.", **told)
    else:
        label = tr("Test {measure} against target: {scores}", **told)
        caption = tr("Test {measure} with its 95% interval, and the target of each rung.", **told)
    return Picture.of(ladder(runs), "ladder", label, caption)


def _together(runs: Sequence[Run]) -> dict[str, list[Picture]]:
    """What the task shows of several runs side by side."""
    found: dict[str, list[Picture]] = {}
    named = dict(zip(labels(runs), runs, strict=True))
    for task in dict.fromkeys(run.task for run in runs):
        found |= task.show_together({k: run for k, run in named.items() if run.task is task})
    return found


def _have_targets(runs: Sequence[Rung]) -> bool:
    return any(run.target for run in runs)
