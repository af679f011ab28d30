"""Numbers and results in plain words."""

from __future__ import annotations

import shlex
from typing import Literal

from bossline.errors import UserError
from bossline.evaluation.intervals import Interval
from bossline.progress import duration
from bossline.recipes.loading import load_recipe
from bossline.training.run import Run, target_of

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


def spread(interval: Interval) -> str:
    """The two ends of an interval.

    >>> spread(Interval(value=0.5, low=0.4, high=0.6))
    '0.4000 to 0.6000'
    """
    return f"{interval.low:.4f} to {interval.high:.4f}"


def classes_of(run: Run) -> str:
    """What the classes of a run's task are called."""
    return {"phoneme": "phones", "speaker": "speakers"}[run.recipe.task]


def sentence(run: Run) -> str:
    """What came of a run, in one or two sentences."""
    test, target = run.scores.get("test"), target_of(run.recipe)
    if test is None:
        return _so_far(run)
    found = f"{test.accuracy.value:.1%} of {test.count:,} test {test.unit}"
    text = (
        f"Names the right one of {len(run.info.classes):,} speakers for {found} "
        if run.recipe.task == "speaker"
        else f"Labels {found} correctly "
    ) + (f"(95% interval {test.accuracy.low:.1%} to {test.accuracy.high:.1%})")
    if target:
        edition, score = target
        text += {
            "passed": f", and passes the {edition} target of {score:.1%}",
            "reached": f": above the {edition} target of {score:.1%}, "
            "though the interval reaches below it",
            "not yet": f": not yet the {edition} target of {score:.1%}",
        }[standing(test.accuracy, score)]
    if run.info.seconds is not None:
        text += f". Trained in {duration(run.info.seconds)} on {run.info.hardware}"
    return text + "."


def repeat_command(run: Run) -> str:
    """The command that trains the same again: by recipe name, or from the run's own recipe file
    where keys were changed or the recipe is not among the built-in ones."""
    recipe = str(run.path / "recipe.yaml")
    try:
        if load_recipe(run.recipe.name) == run.recipe:
            recipe = run.recipe.name
    except UserError:
        pass
    return shlex.join(["bossline", "train", recipe, "--corpus", run.info.corpus])


def _so_far(run: Run) -> str:
    reached = [row for row in run.metrics() if row["kind"] == "epoch"]
    if not reached:
        return "No epoch is finished yet."
    best = max(reached, key=lambda row: row["validation_accuracy"])
    return (
        f"No test score yet. Best validation accuracy so far: "
        f"{best['validation_accuracy']:.1%}, after epoch {best['epoch']} of {run.recipe.epochs}."
    )
