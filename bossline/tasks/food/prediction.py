"""What is in an image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bossline.tasks.prediction import Cells, ClassPrediction


@dataclass(frozen=True, repr=False)
class ImagePrediction(ClassPrediction):
    """What is in an image."""

    columns = ("id", "class", "name", "probability")

    named: bool = False
    """See ImageSpec."""

    def rows(self, first: int) -> list[Cells]:
        if self.named:
            return [(self.id, self.name)]
        return [(self.number, self.label)]

    def records(self) -> Iterator[Cells]:
        yield self.id, self.label, self.name, self.confidence
