"""Who speaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError
from bossline.tasks.prediction import Cells, ClassPrediction


@dataclass(frozen=True, repr=False)
class SpeakerPrediction(ClassPrediction):
    """Who speaks."""

    columns = ("id", "speaker", "probability")

    vector: npt.NDArray[np.float32] | None = None

    @property
    def embedding(self) -> npt.NDArray[np.float32]:
        """(E,) of length 1: near that of another recording of the same voice.

        Raises:
            UserError: several models answered, whose embeddings do not compare.
        """
        if self.vector is None:
            raise UserError(f"{self.id}: several models have no common embedding: load one run")
        return self.vector

    def rows(self, first: int) -> list[Cells]:
        return [(self.id, self.name)]

    def records(self) -> Iterator[Cells]:
        yield self.id, self.name, self.confidence
