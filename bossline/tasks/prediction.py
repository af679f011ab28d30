"""Predictions for people and programs: what every kind of them has, and that of a class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

Outputs = npt.NDArray[np.float32]
Cells = tuple[object, ...]


@dataclass(frozen=True)
class Prediction(ABC):
    """What a model made of one utterance, image or row.

    Attributes:
        columns: of the table that `records` fills.
    """

    columns: ClassVar[tuple[str, ...]]

    id: str
    outputs: Outputs  # what the model answered for the item: (N, C) probabilities, (1,) a value

    @property
    @abstractmethod
    def header(self) -> Cells:
        """Of a submission."""

    @abstractmethod
    def rows(self, first: int) -> list[Cells]:
        """Of a submission; `first` rows stand before them."""

    @abstractmethod
    def records(self) -> Iterator[Cells]:
        """For people and programs."""

    @property
    def number(self) -> str:
        """The id as the source's own lists have it: its last part."""
        return self.id.rpartition("/")[2]


@dataclass(frozen=True)
class ClassPrediction(Prediction):
    """One class for the whole: a speaker, or what is in an image."""

    header = ("Id", "Category")

    classes: tuple[str, ...]

    @property
    def label(self) -> int:
        return int(self.outputs[0].argmax())

    @property
    def name(self) -> str:
        return self.classes[self.label]

    @property
    def confidence(self) -> float:
        return float(self.outputs[0].max())
