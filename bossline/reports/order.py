"""The order of runs in a report, and what they are called there."""

from __future__ import annotations

from collections.abc import Sequence

from bossline.recipes import catalogue
from bossline.runs.run import Run, target_of
from bossline.studies.folds import Folds

Rung = Run | Folds
"""What a report shows as one: a run, or all folds of a recipe."""


def from_the_lowest_rung(runs: Sequence[Rung]) -> list[Rung]:
    """Runs by rung, then by rising target; those without either last, in the order given."""

    def key(run: Rung) -> tuple[int, float]:
        target = target_of(run.recipe)
        return catalogue.height(run.recipe.name)[0], target[1] if target else float("inf")

    return sorted(runs, key=key)


def labels(runs: Sequence[Rung]) -> list[str]:
    """A short name for each run: its recipe's, or its folder's where a recipe occurs twice."""
    recipes = [run.recipe.name for run in runs]
    return [
        recipe if recipes.count(recipe) == 1 else run.name
        for recipe, run in zip(recipes, runs, strict=True)
    ]
