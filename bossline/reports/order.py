"""The order of runs in a report, and what they are called there."""

from __future__ import annotations

from collections.abc import Sequence

from bossline.training.run import Run, target_of


def from_the_lowest_rung(runs: Sequence[Run]) -> list[Run]:
    """Runs by rising target; those without one last, in the order given."""

    def height(run: Run) -> float:
        target = target_of(run.recipe)
        return target[1] if target else float("inf")

    return sorted(runs, key=height)


def labels(runs: Sequence[Run]) -> list[str]:
    """A short name for each run: its recipe's, or its folder's where a recipe occurs twice."""
    recipes = [run.recipe.name for run in runs]
    return [
        recipe if recipes.count(recipe) == 1 else run.name
        for recipe, run in zip(recipes, runs, strict=True)
    ]
