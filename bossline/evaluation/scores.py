"""Scores: what they measure and which way is up, a mean, and what it is the mean of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

from pydantic import ConfigDict, Field

from bossline.core.config import Config
from bossline.core.counting import counted
from bossline.core.html import html_facts
from bossline.core.language import speaking, term, tr
from bossline.evaluation.intervals import Interval, mean_interval


@dataclass(frozen=True)
class Metric:
    """A mean over what is scored: hits, or squared errors.

    Attributes:
        name: its key in files, as in `validation_accuracy`.
        words: in a sentence.
        short: on a line of the log.
        higher_is_better: whether it is maximised.
        is_share: of a whole, 0 to 1; an error rate may exceed it where all goes wrong.
    """

    name: str
    words: str
    short: str
    higher_is_better: bool
    is_share: bool = False

    def gain(self, score: float) -> float:
        """The score, or its negative: a higher gain is always better."""
        return score if self.higher_is_better else -score


ACCURACY = Metric("accuracy", "accuracy", "acc", True, is_share=True)
MSE = Metric("mse", "mean squared error", "mse", False)

METRICS: dict[str, Metric] = {metric.name: metric for metric in (ACCURACY, MSE)}
"""Those that scores may name; registering a task adds its own."""


def split_words(name: str) -> str:
    """A split, and what its scores lack, in the language that is spoken.

    >>> split_words("test, unsmoothed")
    'test, unsmoothed'
    """
    split, _, lacking = name.partition(", ")
    if not lacking:
        return term(split)
    return tr("{name}, {lacking}", name=term(split), lacking=term(lacking))


class Scores(Config):
    """What one evaluation of one split found. Sums an item are kept: a paired comparison with
    another run follows from them.

    A file calls the ids "utterances", whatever they are of.
    """

    model_config = ConfigDict(populate_by_name=True)

    metric: str
    ids: tuple[str, ...] = Field(alias="utterances")
    sums: tuple[float, ...]  # of each item: its hits, or its squared errors
    lengths: tuple[int, ...]  # of each item: what was scored in it
    unit: str  # what is counted: "frames", "utterances", "rows", "images"
    score: Interval  # the mean over everything that was scored

    @classmethod
    def pooled(cls, several: Sequence[Self]) -> Self:
        """The score of several test sets taken as one, such as the folds of a cross-validation.

        Raises:
            ValueError: nothing to pool, an item occurs twice, or units, measures or classes
                differ.
        """
        kinds = {scores._kind for scores in several}
        if len(kinds) != 1:
            raise ValueError(f"expected scores of one unit and of the same classes, not {kinds}")
        ids = tuple(chain.from_iterable(scores.ids for scores in several))
        if len(set(ids)) < len(ids):
            raise ValueError("an item occurs twice among the scores")
        first = several[0]
        sums = tuple(chain.from_iterable(scores.sums for scores in several))
        lengths = tuple(chain.from_iterable(scores.lengths for scores in several))
        return type(first)(
            metric=first.metric,
            ids=ids,
            sums=sums,
            lengths=lengths,
            unit=first.unit,
            score=mean_interval(sums, lengths, share=METRICS[several[0].metric].is_share),
            **first._pooled_rest(several),
        )

    def misfit(self, classes: int) -> str | None:
        """What does not fit in scores that a file holds; None: all does.

        Args:
            classes: of the model; 0 where values are predicted.
        """
        count = len(self.ids)
        if not count or {len(self.sums), len(self.lengths)} != {count}:
            return f"{count} ids, {len(self.sums)} sums and {len(self.lengths)} lengths"
        if min(self.lengths) < 1 or len(set(self.ids)) < count:
            return "an item is empty or occurs twice"
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.measure.words} {self.score}, {self.counted})"

    __str__ = __repr__

    @speaking()
    def _repr_html_(self) -> str:
        facts = {
            tr("{measure} [95 %]", measure=term(self.measure.words)): self.score,
            tr("of"): tr(", ").join([self.counted, counted(len(self.ids), "item")]),
            **{term(heading): value for heading, value in self.others.items()},
        }
        return html_facts(type(self).__name__, facts)

    @property
    def measure(self) -> Metric:
        return METRICS[self.metric]

    @property
    def count(self) -> int:
        """What was scored: frames, utterances, rows or images."""
        return sum(self.lengths)

    @property
    def counted(self) -> str:
        """The count with its unit, as in "1 row"."""
        return counted(self.count, self.unit.removesuffix("s"))

    @property
    def _kind(self) -> tuple[object, ...]:
        """Scores of another kind cannot be pooled with these."""
        return self.metric, self.unit

    @property
    def others(self) -> dict[str, str]:
        """What is told beside the measure that decides, by its heading."""
        return {}

    @staticmethod
    def _pooled_rest(several: Sequence[Any]) -> dict[str, Any]:
        """Fields that a kind of scores adds, of several together."""
        return {}
