"""Whether half precision is enough for frames: what it loses, held against what varies.

float16 has 11 significant bits between 6e-5 and 65504. Normalised features lose a part in 4,000 of
their deviation there; small ones become zero, and large ones with a small deviation become steps.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Root mean square of what is lost, as a share of the standard deviation:
_LOSS_OF_COLUMN = 1e-3
_LOSS_OF_UTTERANCE = 1e-2  # more, as a few frames may happen to be nearly equal


class Moments(NamedTuple):
    """An utterance (T, dim), as far as the question goes; each array is (dim,) float64."""

    keeps: bool
    """Whether float16 is enough for the utterance alone; if not, the rest is of no use."""
    frames: int
    lowest: Floats
    highest: Floats
    means: Floats
    deviations: Floats
    """From the means, squared and summed over the frames."""
    errors: Floats
    """What float16 loses, squared and summed."""


def moments(values: npt.NDArray[np.float32]) -> Moments:
    """Of an utterance, (T, dim) and finite."""
    # In as few passes as there can be: a fifth of an import's time is spent here.
    lowest, highest = values.min(0).astype(np.float64), values.max(0).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        lost = values.astype(np.float16).astype(np.float32)
        np.subtract(values, lost, out=lost)  # exact: what rounding takes away has fewer digits
        fits = np.isfinite(np.stack([lowest, highest]).astype(np.float16)).all()
    exact = lost.astype(np.float64)
    errors = _squares(exact)
    np.copyto(exact, values)
    means = exact.mean(0)
    if not fits:
        return Moments(False, len(exact), lowest, highest, means, means, means)
    exact -= means
    deviations = _squares(exact)
    scales = deviations
    if not (lowest < highest).any():
        scales = deviations + len(exact) * means**2
    keeps = bool(errors.sum() <= _LOSS_OF_UTTERANCE**2 * scales.sum())
    return Moments(keeps, len(exact), lowest, highest, means, deviations, errors)


class HalfPrecision:
    """Looks at utterances that are to be stored together, one after another.

    Each column is held against its deviation over all of them, as it may well be constant in one
    utterance; and each utterance against its own deviation over all columns, as it may be of
    another scale than the rest. What does not vary at all is held against its size.
    """

    def __init__(self, dim: int) -> None:
        self._frames = 0
        self._lowest = np.full(dim, np.inf)
        self._highest = np.full(dim, -np.inf)
        self._means, self._deviations, self._errors = np.zeros((3, dim))
        self._utterances_keep = True

    def add(self, one: Moments) -> bool:
        """Look at one more.

        Returns:
            Whether float16 keeps the utterances so far.
        """
        self._utterances_keep &= one.keeps
        if not self._utterances_keep:
            return False
        before, self._frames = self._frames, self._frames + one.frames
        # Chan, Golub and LeVeque 1979: no squares of means that would swallow deviations.
        apart = one.means - self._means
        self._means += apart * (one.frames / self._frames)
        self._deviations += one.deviations + apart**2 * (before * one.frames / self._frames)
        self._lowest = np.minimum(self._lowest, one.lowest)
        self._highest = np.maximum(self._highest, one.highest)
        self._errors += one.errors
        return True

    @property
    def is_enough(self) -> bool:
        """Whether float16 keeps all that was added."""
        if not self._utterances_keep:
            return False
        varies = self._lowest < self._highest
        sizes = self._deviations + self._frames * self._means**2
        scales = np.where(varies, self._deviations, sizes)
        keeps = self._errors <= _LOSS_OF_COLUMN**2 * scales
        return bool(keeps.all())


def _squares(values: Floats) -> Floats:
    """(T, dim) summed over T."""
    return np.asarray(np.einsum("td,td->d", values, values))
