"""The phones of an utterance, with times and confidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec
from bossline.data.phones import LETTERS
from bossline.tasks.prediction import Cells, Segment, SegmentedPrediction
from bossline.tasks.transcribe.transcripts import CONFIDENCE, END, RANK, START, SYMBOL, Rows


@dataclass(frozen=True, repr=False)
class StringPrediction(SegmentedPrediction):
    """A string, best first of a list; `outputs` are rows as in transcripts.py.

    Attributes:
        frames: of the utterance; 0: as far as phones are known.
    """

    columns = ("id", "place", "start", "end", "phone", "probability")
    header = ("id", "phones")

    classes: tuple[str, ...]
    spec: FeatureSpec
    frames: int = 0

    def of_frames(self, count: int) -> StringPrediction:
        return replace(self, frames=count)

    @property
    def seconds(self) -> float:
        return max(float(self.spec.frame_edges(self.frames)[-1]), super().seconds)

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
        return LetterPrediction(self.id, self.outputs, self.classes, self.spec, self.frames)

    def rows(self, first: int) -> list[Cells]:
        return [(self.number, " ".join(self.phones))]

    @cached_property
    def segments(self) -> list[Segment]:
        """The phones of the best string."""
        edges = self.spec.frame_edges(int(np.ceil(self._best[:, END].max(initial=0))))
        starts, ends = (
            np.interp(self._best[:, column], np.arange(len(edges)), edges)
            for column in (START, END)
        )
        return [
            Segment(float(start), float(end), self.classes[int(symbol) - 1], float(confidence))
            for start, end, symbol, confidence in zip(
                starts, ends, self._best[:, SYMBOL], self._best[:, CONFIDENCE], strict=True
            )
        ]

    def records(self) -> Iterator[Cells]:
        for place, one in enumerate(self.segments):
            yield self.id, place, one.start, one.end, one.phone, one.confidence

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "phones": list(self.phones),
            "segments": super().to_dict()["segments"],
            "alternatives": [list(phones) for phones in self.alternatives],
        }


@dataclass(frozen=True, repr=False)
class LetterPrediction(StringPrediction):
    """A letter a phone; the utterances are numbered."""

    header = ("index", "label")

    def rows(self, first: int) -> list[Cells]:
        return [(first, "".join(LETTERS[phone] for phone in self.phones))]
