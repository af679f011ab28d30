"""Who speaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bossline.tasks.prediction import Cells, ClassPrediction


@dataclass(frozen=True)
class SpeakerPrediction(ClassPrediction):
    """Who speaks."""

    columns = ("id", "speaker", "probability")

    def rows(self, first: int) -> list[Cells]:
        return [(self.id, self.name)]

    def records(self) -> Iterator[Cells]:
        yield self.id, self.name, f"{self.confidence:.4f}"
