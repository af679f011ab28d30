"""Scores of strings: the phone error rate, of which errors it is made, and what became of what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from bossline.evaluation.intervals import mean_interval
from bossline.evaluation.scores import Metric, Scores
from bossline.tasks.base import Answers
from bossline.tasks.transcribe import transcripts
from bossline.tasks.transcribe.decoding.edits import align
from bossline.tasks.transcribe.failures import Failures

PER = Metric("per", "phone error rate", "PER", False, is_share=True)


class StringScores(Scores):
    """Phone error rate over utterances: substitutions, deletions and insertions per true phone.

    Attributes:
        substitutions: (U,) of each utterance; likewise deletions and insertions.
        confusions: (V + 1, V + 1) counts, the row was said and the column told; row 0 are
            insertions, column 0 deletions.
        failures: searches that went astray; older scores know of none.
    """

    metric: Literal["per"] = "per"
    substitutions: tuple[int, ...]
    deletions: tuple[int, ...]
    insertions: tuple[int, ...]
    confusions: tuple[tuple[int, ...], ...]
    failures: Failures = Failures()

    @classmethod
    def of(
        cls, ids: tuple[str, ...], decided: Answers, truth: Answers, symbols: int
    ) -> StringScores:
        """Score strings.

        Args:
            ids: (U,) of the utterances.
            decided: (N, COLUMNS) of their best strings.
            truth: (N,) symbols.
            symbols: V.
        """
        aligned = align(transcripts.strings(truth), transcripts.strings(decided))
        return cls(
            ids=ids,
            sums=tuple(map(float, aligned.errors)),
            lengths=tuple(map(int, truth.lengths)),
            unit="phones",
            score=mean_interval(aligned.errors, truth.lengths, share=True),
            substitutions=tuple(map(int, aligned.substitutions)),
            deletions=tuple(map(int, aligned.deletions)),
            insertions=tuple(map(int, aligned.insertions)),
            confusions=tuple(tuple(map(int, row)) for row in aligned.confusions(symbols)),
            failures=Failures.of(decided, truth),
        )

    def misfit(self, classes: int) -> str | None:
        """See Scores.misfit."""
        kinds = (self.substitutions, self.deletions, self.insertions)
        if any(len(counts) != len(self.ids) for counts in kinds):
            return "substitutions, deletions and insertions are not those of all utterances"
        if tuple(map(sum, zip(*kinds, strict=True))) != self.sums:
            return "substitutions, deletions and insertions do not add up to the errors"
        table = np.array(self.confusions)
        if table.shape != (classes + 1, classes + 1):
            return f"confusions: expected ({classes + 1}, {classes + 1}), found {table.shape}"
        if max(self.failures.found.values(), default=0) > len(self.ids):
            return f"failures: more than {len(self.ids)} utterances"
        return super().misfit(classes)

    @property
    def others(self) -> dict[str, str]:
        """Shares of the true phones, and how many searches failed where any did."""
        kinds = {"sub": self.substitutions, "del": self.deletions, "ins": self.insertions}
        shares = {name: f"{sum(counts) / self.count:.4f}" for name, counts in kinds.items()}
        return shares | {name: f"{count:,}" for name, count in self.failures.found.items()}

    @property
    def _kind(self) -> tuple[object, ...]:
        return (*super()._kind, len(self.confusions))

    @staticmethod
    def _pooled_rest(several: Sequence[StringScores]) -> dict[str, Any]:
        kinds = ("substitutions", "deletions", "insertions")
        total = np.sum([one.confusions for one in several], axis=0)
        return {
            **{kind: tuple(n for one in several for n in getattr(one, kind)) for kind in kinds},
            "confusions": tuple(tuple(map(int, row)) for row in total),
            "failures": Failures.pooled([one.failures for one in several]),
        }
