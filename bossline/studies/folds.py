"""The folds of a cross-validation, and what they found together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bossline.evaluation.scores import Metric, Scores
from bossline.recipes import Recipe
from bossline.recipes.naming import full_name
from bossline.runs.info import RunInfo
from bossline.runs.run import Run, Target
from bossline.tasks.base import Task


@dataclass(frozen=True)
class Folds:
    """Finished runs of one recipe that differ in `split.fold` only, seen as one."""

    runs: tuple[Run, ...]

    @property
    def name(self) -> str:
        return self.runs[0].name

    @property
    def recipe(self) -> Recipe:
        """Of the first fold."""
        return self.runs[0].recipe

    @property
    def task(self) -> Task[Any]:
        return self.runs[0].task

    @property
    def label(self) -> str:
        """Of the recipe that all folds share."""
        return full_name(self.recipe, without=("split.fold",))

    @property
    def target(self) -> Target | None:
        return self.runs[0].target

    @property
    def lacks_target(self) -> bool:
        return self.runs[0].lacks_target

    @property
    def metric(self) -> Metric:
        return self.runs[0].metric

    @cached_property
    def info(self) -> RunInfo:
        """What the folds share, and the training time of all."""
        return self.runs[0].info.model_copy(
            update={
                "seconds": sum(run.info.seconds or 0 for run in self.runs),
                "per_second": None,
                "best_epoch": None,
            }
        )

    @cached_property
    def scores(self) -> dict[str, Scores]:
        """Pooled scores of "test", and of what stands beside it, such as "test, unsmoothed".

        Folds may validate on the same items, so that those scores are not pooled.
        """
        return {
            split: first.pooled([run.scores[split] for run in self.runs])
            for split, first in self.runs[0].scores.items()
            if split.startswith("test")
        }
