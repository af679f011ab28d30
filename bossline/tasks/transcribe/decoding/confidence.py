"""How sure each phone of a string is: by the strings it competed with, then calibrated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from bossline.core.config import Config
from bossline.core.errors import UserError
from bossline.tasks.transcribe.decoding.edits import align
from bossline.tasks.transcribe.decoding.hypotheses import Hypotheses

Floats = npt.NDArray[np.float64]


def agreement(found: Hypotheses, temperature: float = 1.0) -> list[Floats]:
    """Of each phone of the best strings, the share of the n-best list that has it too.

    Each string is aligned with the best one, and counts by its posterior in the list, the softmax
    of scores (Wessel et al. 2001). A list of one string agrees with itself: it tells nothing.

    Args:
        found: n-best lists of B utterances.
        temperature: what scores are divided by, above 0; more lets unlikely strings count.

    Returns:
        (length of the best string,) 0..1 of each utterance.
    """
    lists = found.each()
    counts = [len(strings) for strings in lists]
    others = [string for strings in lists for string in strings]
    bests = [strings[0] for strings in lists for _ in strings]
    pairs = iter(align(others, bests).each())
    weights = (found.scores / temperature).softmax(1).double().cpu().numpy()
    confidences = []
    for strings, count, row in zip(lists, counts, weights, strict=True):
        total = np.zeros(len(strings[0]) if strings else 0)
        for weight, (other, best) in zip(row[:count], pairs, strict=False):
            total += weight * (other == best)[best > 0]
        confidences.append(np.minimum(total, 1))
    return confidences


class Calibration(Config):
    """A curve from confidences to shares that were right, straight between its points."""

    confidences: tuple[float, ...] = Field(min_length=1, description="rising")
    shares: tuple[float, ...] = Field(min_length=1, description="of what was right; never falling")

    @model_validator(mode="after")
    def _is_a_curve(self) -> Calibration:
        x, y = np.array(self.confidences), np.array(self.shares)
        if len(x) != len(y) or (np.diff(x) <= 0).any() or (np.diff(y) < 0).any():
            raise ValueError("confidences and shares should be as many, and rise together")
        if y[0] < 0 or y[-1] > 1:
            raise ValueError("shares should be from 0 to 1")
        return self

    @classmethod
    def fit(cls, confidences: npt.ArrayLike, right: npt.ArrayLike) -> Calibration:
        """Isotonic regression (Zadrozny & Elkan 2002), by pooling adjacent violators.

        Args:
            confidences: (N,) of validation, or any split that the network was not trained on.
            right: (N,) bool.

        Raises:
            UserError: there are none.
        """
        sure, place = np.unique(np.asarray(confidences, np.float64), return_inverse=True)
        if not len(sure):
            raise UserError("confidences are calibrated on phones that were told; there are none")
        counts = np.bincount(place).astype(np.float64)
        hits = np.bincount(place, np.asarray(right, np.float64))
        blocks: list[tuple[float, float, int, int]] = []  # hits, count, first and last point
        for point, (hit, count) in enumerate(zip(hits, counts, strict=True)):
            block = (float(hit), float(count), point, point)
            while blocks and blocks[-1][0] * block[1] >= block[0] * blocks[-1][1]:
                before = blocks.pop()
                block = (before[0] + block[0], before[1] + block[1], before[2], point)
            blocks.append(block)
        points, shares = [], []
        for hit_sum, count_sum, first, last in blocks:
            for point in sorted({first, last}):
                points.append(float(sure[point]))
                shares.append(hit_sum / count_sum)
        return cls(confidences=tuple(points), shares=tuple(shares))

    def __call__(self, confidences: Sequence[float] | Floats) -> Floats:
        """(N,) probabilities of being right; beyond the curve's ends, those of its ends."""
        return np.interp(confidences, self.confidences, self.shares)
