"""Which rungs of a ladder are held against which: the one below, the floor, itself left alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bossline.core.errors import UserError
from bossline.core.language import term, tr
from bossline.evaluation.comparison import Comparison, paired_difference
from bossline.evaluation.scores import Scores
from bossline.reports.order import Rung, labels
from bossline.reports.wording import beside

FLOOR = "floor"


@dataclass(frozen=True)
class Step:
    """A run against another one; no comparison where the test sets differ."""

    upper: str
    lower: str
    comparison: Comparison | None

    @classmethod
    def of(cls, upper: str, above: Scores, lower: str, below: Scores) -> Step:
        try:
            return cls(upper, lower, paired_difference(above, below))
        except UserError:
            return cls(upper, lower, None)


def steps(runs: Sequence[Rung]) -> list[Step]:
    """Each run against the one before it, against the floor, and against itself left alone.

    Args:
        runs: from the lowest rung up.
    """
    scored = _scored(runs)
    rungs = [Step.of(*above, *below) for below, above in pairwise(scored)]
    without = [
        Step.of(
            name,
            run.scores["test"],
            tr("{name}, {lacking}", name=name, lacking=term(lacking)),
            scores,
        )
        for name, run in zip(labels(runs), runs, strict=True)
        for lacking, scores in beside(run.scores).items()
    ]
    return [*rungs, *above_the_floor(runs), *without]


def above_the_floor(runs: Sequence[Rung]) -> list[Step]:
    """Each rung that does not stand on the floor itself, held against it; none without a floor.

    Args:
        runs: from the lowest rung up.
    """
    scored = _scored(runs)
    lowest = [run for run in runs if "test" in run.scores][:1]
    if not lowest or lowest[0].recipe.name.rpartition("/")[2] != FLOOR:
        return []
    return [Step.of(*above, *scored[0]) for above in scored[2:]]


def _scored(runs: Sequence[Rung]) -> list[tuple[str, Scores]]:
    return [
        (name, run.scores["test"])
        for name, run in zip(labels(runs), runs, strict=True)
        if "test" in run.scores
    ]
