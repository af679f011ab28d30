"""What bossline does, as functions: the command line and notebooks call the same ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from bossline.recipes.page import recipe, recipe_keys
from bossline.runs.answers import align, predict, submit
from bossline.runs.engine import evaluate, resume, train
from bossline.runs.labelling import label
from bossline.runs.loaded import load
from bossline.runs.plan import dry_run
from bossline.runs.run import Run
from bossline.tasks.food import pseudo_labels
from bossline.tasks.speaker import embedding, identifying, trial_lists, verifying

P = ParamSpec("P")
T = TypeVar("T")


def load_run(path: str | Path) -> Run:
    """Open a run folder.

    Raises:
        UserError: no run there (with the nearest name), or it is damaged.
    """
    return Run(path)


def _of_a_run(
    function: Callable[Concatenate[Run, P], T],
) -> Callable[Concatenate[str | Path | Run, P], T]:
    """A task's own verb, for a run or its folder."""

    @wraps(function)
    def opened(run: str | Path | Run, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return function(Run.of(run), *args, **kwargs)

    return opened


embed = _of_a_run(embedding.embed)
verify = _of_a_run(verifying.verify)
verify_each = _of_a_run(verifying.verify_each)
draw_trials = _of_a_run(trial_lists.draw_trials)
evaluate_trials = _of_a_run(trial_lists.evaluate_trials)
calibrate = _of_a_run(trial_lists.calibrate)
enroll = _of_a_run(identifying.enroll)
identify = _of_a_run(identifying.identify)
identify_each = _of_a_run(identifying.identify_each)
pseudo_label = _of_a_run(pseudo_labels.pseudo_label)

__all__ = [
    "align",
    "calibrate",
    "draw_trials",
    "dry_run",
    "embed",
    "enroll",
    "evaluate",
    "evaluate_trials",
    "identify",
    "identify_each",
    "label",
    "load",
    "load_run",
    "predict",
    "pseudo_label",
    "recipe",
    "recipe_keys",
    "resume",
    "submit",
    "train",
    "verify",
    "verify_each",
]
