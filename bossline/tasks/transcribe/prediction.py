"""The phones of an utterance, with times and confidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec
from bossline.data.phones import LETTERS
from bossline.tasks.prediction import Cells, Prediction
from bossline.tasks.transcribe.transcripts import CONFIDENCE, END, RANK, START, SYMBOL, Rows


@dataclass(frozen=True)
class StringPrediction(Prediction):
    """A string, best first of a list; `outputs` are rows as in transcripts.py."""

    columns = ("id", "place", "start", "end", "phone", "probability")
    header = ("id", "phones")

    classes: tuple[str, ...]
    spec: FeatureSpec

    def _names(self, rows: Rows) -> tuple[str, ...]:
        return tuple(self.classes[int(k) - 1] for k in rows[:, SYMBOL] if k > 0)

    @cached_property
    def _best(self) -> Rows:
        rows: Rows = np.asarray(self.outputs, np.float64)
        best: Rows = rows[(rows[:, RANK] == 0) & (rows[:, SYMBOL] > 0)]
        return best

    @property
    def phones(self) -> tuple[str, ...]:
        """Of the best string."""
        return self._names(self._best)

    @property
    def alternatives(self) -> tuple[tuple[str, ...], ...]:
        """The other strings that the search found, the better first."""
        ranks = np.unique(self.outputs[:, RANK])[1:]
        return tuple(self._names(self.outputs[self.outputs[:, RANK] == rank]) for rank in ranks)

    def in_letters(self) -> LetterPrediction:
        """As a submission to CMU 11-785 has it.

        Raises:
            UserError: a phone that is none of ARPAbet.
        """
        for name in self.classes:
            if name not in LETTERS:
                raise UserError(f"'{name}' is no phone of ARPAbet: it has no letter")
        return LetterPrediction(self.id, self.outputs, self.classes, self.spec)

    def rows(self, first: int) -> list[Cells]:
        return [(self.number, " ".join(self.phones))]

    def records(self) -> Iterator[Cells]:
        edges = self.spec.frame_edges(int(self._best[:, END].max(initial=0)))
        for place, row in enumerate(self._best):
            yield (
                self.id,
                place,
                f"{edges[int(row[START])]:.4f}",
                f"{edges[int(row[END])]:.4f}",
                self.classes[int(row[SYMBOL]) - 1],
                f"{row[CONFIDENCE]:.4f}",
            )


@dataclass(frozen=True)
class LetterPrediction(StringPrediction):
    """A letter a phone; the utterances are numbered."""

    header = ("index", "label")

    def rows(self, first: int) -> list[Cells]:
        return [(first, "".join(LETTERS[phone] for phone in self.phones))]
