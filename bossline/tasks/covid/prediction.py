"""The target of a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bossline.data.features.days import stem_of
from bossline.tasks.prediction import Cells, Prediction


@dataclass(frozen=True, repr=False)
class ValuePrediction(Prediction):
    """The target of a row."""

    columns = ("id", "value")
    digits = ".6g"

    target: str

    @property
    def value(self) -> float:
        return float(self.outputs[0])

    @property
    def header(self) -> Cells:
        """The target under its plain name, without the number of its day."""
        return "id", stem_of(self.target)

    def rows(self, first: int) -> list[Cells]:
        return [(self.number, self.value)]

    def records(self) -> Iterator[Cells]:
        yield self.id, self.value

    @property
    def said(self) -> str:
        return f"{self.target} {self.value:.6g}"

    def to_dict(self) -> dict[str, Any]:
        return {"id": self.id, "value": self.value}
