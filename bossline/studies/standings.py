"""Recipes held against one of them: seeds seen as one, items paired, verdicts adjusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from bossline.core.html import html_table
from bossline.core.language import speaking, term, tr
from bossline.evaluation.comparison import Comparison, holm_adjusted, paired_difference
from bossline.evaluation.intervals import Interval
from bossline.evaluation.scores import Metric, Scores
from bossline.runs.run import Run


@dataclass(frozen=True)
class Entry:
    """A recipe under the name that it has in a study."""

    name: str
    runs: tuple[Run, ...]  # that differ in nothing but their seed
    scores: tuple[Scores, ...]  # of their test splits, run by run

    @cached_property
    def score(self) -> Interval:
        """The mean over seeds.

        Where there are several, the interval knows of them as that of `paired_difference` does: it
        is that of the difference to a run whose score is 0.
        """
        first = self.scores[0]
        if len(self.scores) == 1:
            return first.score
        nothing = first.model_copy(update={"sums": (0.0,) * len(first.sums)})
        return paired_difference(self.scores, nothing).difference

    @property
    def metric(self) -> Metric:
        return self.scores[0].measure

    @property
    def seeds(self) -> str:
        return ", ".join(str(run.recipe.seed) for run in self.runs)


@dataclass(frozen=True)
class Standings:
    """Entries, and how each of the others stands to the reference: itself minus the reference."""

    reference: Entry
    others: tuple[Entry, ...]
    comparisons: tuple[Comparison, ...]

    @classmethod
    def of(cls, reference: Entry, others: Sequence[Entry]) -> Standings:
        """Compare; the verdicts on two others or more hold for all together (Holm).

        Raises:
            UserError: entries that were not scored on the same items.
        """
        found = [paired_difference(entry.scores, reference.scores) for entry in others]
        adjusted = holm_adjusted(found) if len(found) > 1 else found
        return cls(reference, tuple(others), tuple(adjusted))

    def __repr__(self) -> str:
        return f"Standings({', '.join(f'{entry.name}: {entry.score}' for entry in self.entries)})"

    @speaking()
    def _repr_html_(self) -> str:
        rows = [
            (entry.name, entry.score, found)
            for entry, found in zip(self.entries, ["", *self.comparisons], strict=True)
        ]
        measure = tr("test {measure} [95 %]", measure=term(self.metric.words))
        against = tr("against {name}", name=self.reference.name)
        return html_table(tr("Paired differences"), (tr("recipe"), measure, against), rows)

    @property
    def metric(self) -> Metric:
        return self.reference.metric

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The reference first."""
        return (self.reference, *self.others)
