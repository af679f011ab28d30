"""What every smoother is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Tables = Mapping[str, npt.NDArray[Any]]


class Smoother(Protocol):
    """Turns posteriors of frames into a path of classes, every utterance alone."""

    def path(self, probabilities: npt.NDArray[np.float32], lengths: Ints) -> Ints:
        """The class of each frame, (N,).

        Args:
            probabilities: (N, C) class posteriors, utterances end to end.
            lengths: (U,) frames of each utterance, at least 1; they add up to N.
        """

    def tables(self) -> dict[str, Floats]:
        """What was estimated from labels; the config's `restore` takes it back."""
