"""Numbers and results in plain words."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Literal

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.progress import duration
from bossline.data.editions import SYNTHETIC
from bossline.data.splits import SplitConfig
from bossline.evaluation.intervals import Interval
from bossline.evaluation.scores import ACCURACY, Metric, Scores
from bossline.recipes.loading import load_recipe
from bossline.runs.run import Run
from bossline.studies.folds import Folds

Standing = Literal["passed", "reached", "not yet"]


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
        return "unknown"
    return f"{interval.low:.4f} to {interval.high:.4f}"


def classes_of(run: Run) -> str:
    """What the classes of a run's task are called."""
    return run.task.classes_are


def items_of(run: Run) -> str:
    """What a run's corpus holds: utterances, rows or images."""
    return f"{run.info.features.item}s"


def size_of(run: Run | Folds, split: str) -> str:
    """How much was scored of a split: "342 utterances, 98,765 frames", "540 rows"."""
    scores = run.scores[split]
    text = counted(len(scores.ids), run.info.features.item)
    return text if scores.unit != "frames" else f"{text}, {counted(scores.count, 'frame')}"


def together(comparisons: int) -> str:
    """For what verdicts hold that were adjusted for each other.

    >>> together(1), together(3)
    ('hold for the one comparison', 'hold for all 3 comparisons together (Holm)')
    """
    if comparisons == 1:
        return "hold for the one comparison"
    return f"hold for all {counted(comparisons, 'comparison')} together (Holm)"


def axis_of(metric: Metric, split: str = "test") -> str:
    """What an axis of scores is called.

    >>> from bossline.evaluation.scores import MSE
    >>> axis_of(ACCURACY), axis_of(MSE, "validation")
    ('test accuracy', 'validation mean squared error (lower is better)')
    >>> axis_of(ACCURACY, "")  # of several splits
    'accuracy'
    """
    text = f"{split} {metric.words}".strip()
    return text if metric.higher_is_better else f"{text} (lower is better)"


def best_of(metric: Metric) -> str:
    """How the best score compares with all others.

    >>> from bossline.evaluation.scores import MSE
    >>> best_of(ACCURACY), best_of(MSE)
    ('highest', 'lowest')
    """
    return "highest" if metric.higher_is_better else "lowest"


def beside(scores: Mapping[str, Scores], split: str = "test") -> dict[str, Scores]:
    """Scores of a split without what the recipe does to the outputs, by what they lack."""
    start = f"{split}, "
    return {name.removeprefix(start): s for name, s in scores.items() if name.startswith(start)}


def brought_by(lacking: str) -> str:
    """What made the difference to scores that lack it.

    >>> brought_by("unsmoothed"), brought_by("one view")
    ('smoothing', 'averaging views')
    """
    return {"unsmoothed": "smoothing", "one view": "averaging views"}[lacking]


def sentence(run: Run) -> str:
    """What came of a run, in one or two sentences."""
    test, target = run.scores.get("test"), run.target
    if test is None:
        return _so_far(run)
    text = run.task.sentence(test, run.info.features, run.info.classes)
    if target:
        text += {
            "passed": f", and passes the {target.words} of {target.score:.1%}",
            "reached": f": above the {target.words} of {target.score:.1%}, "
            "though the interval reaches below it",
            "not yet": f": not yet the {target.words} of {target.score:.1%}",
        }[standing(test.score, target.score)]
    if run.info.seconds is not None:
        text += f". Trained in {duration(run.info.seconds)} on {run.info.hardware}"
    if run.info.origins:
        text += f". Begun from {run.info.origins[0].run}"
    if run.info.kept == "last epoch" and not run.recipe.split.validation:
        text += ". Nothing validates (split.validation=0): the weights are those of the last epoch"
    elif run.info.kept == "last epoch":
        text += ". The weights are those of the last epoch (keep=last)"
    return text + "."


def of_targets(runs: Sequence[Run | Folds]) -> list[str]:
    """What a table of scores is held against, in a note or none."""
    editions = {run.target.edition for run in runs if run.target}
    published = sorted(editions - {SYNTHETIC})
    notes = []
    if published:
        notes.append(f"target: published score of {', '.join(published)}")
    if SYNTHETIC in editions:
        notes.append("target: what the rung reaches on an hour of synthetic speech in 48 voices")
    if any(run.lacks_target for run in runs):
        rungs = [run.label for run in runs if run.lacks_target] if editions else []
        which = f" for {', '.join(rungs)}" if rungs else ""
        notes.append(f"no published score for this corpus{which}")
    return notes


def stands_on(runs: Sequence[Run | Folds]) -> list[str]:
    """Corpus, test split, how it was split off and when it was trained: a header's line."""
    infos = [run.info for run in runs]
    corpora = dict.fromkeys(f"{info.corpus} ({info.corpus_key[:12]})" for info in infos)
    tests = dict.fromkeys(f"test: {size_of(run, 'test')}" for run in runs if "test" in run.scores)
    splits = dict.fromkeys(map(_split_of, runs))
    days = sorted({info.started[:10] for info in infos})
    trained = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return [", ".join(corpora), *tests, *splits, f"trained {trained}"]


def _split_of(run: Run | Folds) -> str:
    if isinstance(run, Folds):
        folds = ", ".join(str(each.recipe.split.fold) for each in run.runs)
        return split_of(run.recipe.split).rpartition(" fold ")[0] + f" folds {folds}"
    return split_of(run.recipe.split)


def split_of(split: SplitConfig) -> str:
    """How a corpus was divided."""
    return f"split by {split.by}, seed {split.seed}, fold {split.fold}"


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
        return "No epoch is finished yet."
    key = f"validation_{run.metric.name}"
    if not run.recipe.split.validation:
        return (
            f"No test score yet, and no validation split: after epoch {reached[-1]['epoch']} of "
            f"{run.recipe.epochs}."
        )
    best = max(reached, key=lambda row: run.metric.gain(row[key]))
    shown = f"{best[key]:.1%}" if run.metric is ACCURACY else f"{best[key]:.4f}"
    return (
        f"No test score yet. Best validation {run.metric.words} so far: "
        f"{shown}, after epoch {best['epoch']} of {run.recipe.epochs}."
    )
