"""Numbers and results in plain words."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Literal

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.language import spoken, term, tr
from bossline.core.progress import duration
from bossline.data.editions import SYNTHETIC
from bossline.data.splits import SplitConfig
from bossline.evaluation.intervals import Interval
from bossline.evaluation.scores import ACCURACY, Metric, Scores
from bossline.recipes.loading import load_recipe
from bossline.runs.info import RunInfo
from bossline.runs.run import Run
from bossline.studies.folds import Folds

Standing = Literal["passed", "reached", "not yet"]

_THREADS = re.compile(r"\b(\d+) threads?\b")


def standing(score: Interval, target: float) -> Standing:
    """'passed': the whole interval; 'reached': the score itself, but the interval holds the target.

    >>> standing(Interval(value=0.76, low=0.75, high=0.77), 0.755)
    'reached'
    """
    if score.low >= target:
        return "passed"
    return "reached" if score.value >= target else "not yet"


def signed(value: float) -> str:
    """Four digits with their sign, and a real minus.

    >>> signed(-0.01234)
    '−0.0123'
    """
    return f"{value:+.4f}".replace("-", "−")


def difference_of(interval: Interval) -> str:
    """A difference and its interval, all with their signs."""
    return f"{signed(interval.value)} [{signed(interval.low)}, {signed(interval.high)}]"


def spread(interval: Interval) -> str:
    """The two ends of an interval, where it has any width.

    >>> spread(Interval(value=0.5, low=0.4, high=0.6))
    '0.4000 to 0.6000'
    """
    if not interval.has_width:
        return tr("unknown")
    return tr("{low} to {high}", low=f"{interval.low:.4f}", high=f"{interval.high:.4f}")


def classes_of(run: Run) -> str:
    """What the classes of a run's task are called."""
    return term(run.task.classes_are)


def items_of(run: Run) -> str:
    """What a run's corpus holds: utterances, rows or images."""
    return term(f"{run.info.features.item}s")


def size_of(run: Run | Folds, split: str) -> str:
    """How much was scored of a split: "342 utterances, 98,765 frames", "540 rows"."""
    scores = run.scores[split]
    text = counted(len(scores.ids), run.info.features.item)
    if scores.unit != "frames":
        return text
    return tr("{items}, {frames}", items=text, frames=counted(scores.count, "frame"))


def together(comparisons: int) -> str:
    """For what verdicts hold that were adjusted for each other.

    >>> together(1), together(3)
    ('hold for the one comparison', 'hold for all 3 comparisons together (Holm)')
    """
    if comparisons == 1:
        return tr("hold for the one comparison")
    return tr("hold for all {them} together (Holm)", them=counted(comparisons, "comparison"))


def axis_of(metric: Metric, split: str = "test") -> str:
    """What an axis of scores is called.

    >>> from bossline.evaluation.scores import MSE
    >>> axis_of(ACCURACY), axis_of(MSE, "validation")
    ('test accuracy', 'validation mean squared error (lower is better)')
    >>> axis_of(ACCURACY, "")  # of several splits
    'accuracy'
    """
    text = term(metric.words)
    if split:
        text = tr("{split} {measure}", split=term(split), measure=text)
    return text if metric.higher_is_better else tr("{measure} (lower is better)", measure=text)


def score_of(metric: Metric) -> str:
    """The heading of a column of test scores."""
    return tr("test {measure} [95 %]", measure=term(metric.words))


def which_way(metric: Metric) -> str:
    """What is to be said of a measure where less is better."""
    if metric.higher_is_better:
        return ""
    return tr("{measure}: lower is better", measure=term(metric.words))


def best_of(metric: Metric) -> str:
    """How the best score compares with all others.

    >>> from bossline.evaluation.scores import MSE
    >>> best_of(ACCURACY), best_of(MSE)
    ('highest', 'lowest')
    """
    return tr("highest") if metric.higher_is_better else tr("lowest")


def beside(scores: Mapping[str, Scores], split: str = "test") -> dict[str, Scores]:
    """Scores of a split without what the recipe does to the outputs, by what they lack."""
    start = f"{split}, "
    return {name.removeprefix(start): s for name, s in scores.items() if name.startswith(start)}


def brought_by(lacking: str) -> str:
    """What made the difference to scores that lack it.

    >>> brought_by("unsmoothed"), brought_by("one view")
    ('smoothing', 'averaging views')
    """
    return term({"unsmoothed": "smoothing", "one view": "averaging views"}[lacking])


def sentence(run: Run) -> str:
    """What came of a run, in one or two sentences."""
    test, target = run.scores.get("test"), run.target
    if test is None:
        return _so_far(run)
    text = run.task.sentence(test, run.info.features, run.info.classes)
    if target:
        asked: dict[str, object] = {"target": of_target(target.edition), "score": target.score}
        text += {
            "passed": tr(", and passes the {target} of {score:.1%}", **asked),
            "reached": tr(
                ": above the {target} of {score:.1%}, though the interval reaches below it", **asked
            ),
            "not yet": tr(": not yet the {target} of {score:.1%}", **asked),
        }[standing(test.score, target.score)]
    parts = [text]
    if run.info.seconds is not None:
        time, device = duration(run.info.seconds), hardware(run.info)
        parts.append(tr("Trained in {time} on {device}", time=time, device=device))
    if run.info.origins:
        parts.append(tr("Begun from {run}", run=run.info.origins[0].run))
    if run.info.kept == "last epoch" and run.recipe.split.validation:
        parts.append(tr("The weights are those of the last epoch (keep=last)"))
    elif run.info.kept == "last epoch":
        parts.append(
            tr("Nothing validates (split.validation=0): the weights are those of the last epoch")
        )
    return tr(". ").join(parts) + tr(".")


def of_target(edition: str) -> str:
    """What a target is called in a sentence.

    >>> of_target("2023"), of_target(SYNTHETIC)
    ('2023 target', 'expectation for synthetic speech')
    """
    if edition == SYNTHETIC:
        return tr("expectation for synthetic speech")
    return tr("{year} target", year=edition)


def hardware(info: RunInfo) -> str:
    """What a run was trained on; its threads in the language that is spoken."""
    if spoken() == "en":
        return info.hardware
    known = _THREADS.sub(lambda found: counted(int(found[1]), "thread"), info.hardware)
    return known.replace(", ", tr(", "))


def of_targets(runs: Sequence[Run | Folds]) -> list[str]:
    """What a table of scores is held against, in a note or none."""
    editions = {run.target.edition for run in runs if run.target}
    published = sorted(editions - {SYNTHETIC})
    notes = []
    if published:
        notes.append(tr("target: published score of {years}", years=tr(", ").join(published)))
    if SYNTHETIC in editions:
        notes.append(
            tr("target: what the rung reaches on an hour of synthetic speech in 48 voices")
        )
    if any(run.lacks_target for run in runs):
        rungs = [run.label for run in runs if run.lacks_target] if editions else []
        notes.append(
            tr("no published score for this corpus for {rungs}", rungs=tr(", ").join(rungs))
            if rungs
            else tr("no published score for this corpus")
        )
    return notes


def stands_on(runs: Sequence[Run | Folds]) -> list[str]:
    """Corpus, test split, how it was split off and when it was trained: a header's line."""
    infos = [run.info for run in runs]
    corpora = dict.fromkeys(f"{info.corpus} ({info.corpus_key[:12]})" for info in infos)
    sizes = dict.fromkeys(size_of(run, "test") for run in runs if "test" in run.scores)
    tests = [tr("test: {size}", size=size) for size in sizes]
    splits = dict.fromkeys(map(_split_of, runs))
    days = sorted({info.started[:10] for info in infos})
    when = days[0] if len(days) == 1 else tr("{low} to {high}", low=days[0], high=days[-1])
    return [tr(", ").join(corpora), *tests, *splits, tr("trained {when}", when=when)]


def _split_of(run: Run | Folds) -> str:
    split = run.recipe.split
    how = split_of(split)
    if isinstance(run, Folds):
        folds = ", ".join(str(each.recipe.split.fold) for each in run.runs)
        how = tr(
            "{by}, seed {seed}, folds {folds}",
            by=term(f"by {split.by}"),
            seed=split.seed,
            folds=folds,
        )
    return tr("split {how}", how=how)


def split_of(split: SplitConfig) -> str:
    """How a corpus was divided."""
    return tr(
        "{by}, seed {seed}, fold {fold}",
        by=term(f"by {split.by}"),
        seed=split.seed,
        fold=split.fold,
    )


def repeat_command(run: Run) -> str:
    """The command that trains the same again: by recipe name, or from the run's own recipe file
    where keys were changed or the recipe is not among the built-in ones."""
    recipe = str(run.path / "recipe.yaml")
    try:
        if load_recipe(run.recipe.name) == run.recipe:
            recipe = run.recipe.name
    except UserError:
        pass
    begun = ["--from", run.info.origins[0].run] if run.info.origins else []
    return shlex.join(["bossline", "train", recipe, "--corpus", run.info.corpus, *begun])


def _so_far(run: Run) -> str:
    reached = [row for row in run.metrics() if row["kind"] == "epoch"]
    if not reached:
        return tr("No epoch is finished yet.")
    key = f"validation_{run.metric.name}"
    if not run.recipe.split.validation:
        return tr(
            "No test score yet, and no validation split: after epoch {epoch} of {epochs}.",
            epoch=reached[-1]["epoch"],
            epochs=run.recipe.epochs,
        )
    best = max(reached, key=lambda row: run.metric.gain(row[key]))
    shown = f"{best[key]:.1%}" if run.metric is ACCURACY else f"{best[key]:.4f}"
    return tr(
        "No test score yet. Best validation {measure} so far: {score}, after epoch {epoch} of "
        "{epochs}.",
        measure=term(run.metric.words),
        score=shown,
        epoch=best["epoch"],
        epochs=run.recipe.epochs,
    )
