"""The order of runs in a report, and what they are called there."""

from __future__ import annotations

from collections.abc import Sequence

from bossline.recipes import catalogue
from bossline.runs.run import Run
from bossline.studies.folds import Folds

Rung = Run | Folds
"""What a report shows as one: a run, or all folds of a recipe."""


def from_the_lowest_rung(runs: Sequence[Rung]) -> list[Rung]:
    """Runs by rung, then by rising target; those without either last, in the order given."""

    def key(run: Rung) -> tuple[int, float]:
        target = run.target.score if run.target else float("inf")
        return catalogue.height(run.recipe.name)[0], target

    return sorted(runs, key=key)


def labels(runs: Sequence[Rung]) -> list[str]:
    """A short name for each run: its recipe's with what was changed in it, or its folder's where
    that occurs twice."""
    names = [run.label for run in runs]
    return [
        name if names.count(name) == 1 else run.name for name, run in zip(names, runs, strict=True)
    ]
