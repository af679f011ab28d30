"""Whether half precision is enough for frames: what it loses, held against what varies.

float16 has 11 significant bits between 6e-5 and 65504. Normalised features lose a part in 4,000 of
their deviation there; small ones become zero, and large ones with a small deviation become steps.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# Root mean square of what is lost, as a share of the standard deviation:
_LOSS_OF_COLUMN = 1e-3
_LOSS_OF_UTTERANCE = 1e-2  # more, as a few frames may happen to be nearly equal


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
        self._origin = np.zeros(dim)
        self._sums, self._squares, self._errors = np.zeros((3, dim))
        self._utterances_keep = True

    def add(self, frames: npt.NDArray[np.float32]) -> bool:
        """Look at one more, (T, dim) and finite.

        Returns:
            Whether float16 keeps the utterances so far.
        """
        if not self._utterances_keep:
            return False
        with np.errstate(over="ignore"):
            half = frames.astype(np.float16)
        if not np.isfinite(half).all():
            self._utterances_keep = False
            return False
        exact = frames.astype(np.float64)
        errors = _squares(exact - half)
        lowest, highest = exact.min(0), exact.max(0)
        if not self._frames:  # near the means, so that squares of these do not swallow deviations
            self._origin = exact.mean(0)
        exact -= self._origin
        sums, squares = exact.sum(0), _squares(exact)
        self._frames += len(exact)
        self._lowest = np.minimum(self._lowest, lowest)
        self._highest = np.maximum(self._highest, highest)
        self._sums += sums
        self._squares += squares
        self._errors += errors
        varies = bool((lowest < highest).any())
        scale = _scales(len(exact), sums, squares, self._origin, varies).sum()
        self._utterances_keep = bool(errors.sum() <= _LOSS_OF_UTTERANCE**2 * scale)
        return self._utterances_keep

    @property
    def is_enough(self) -> bool:
        """Whether float16 keeps all that was added."""
        if not self._utterances_keep:
            return False
        varies = self._lowest < self._highest
        scales = _scales(self._frames, self._sums, self._squares, self._origin, varies)
        keeps = self._errors <= _LOSS_OF_COLUMN**2 * scales
        return bool(keeps.all())


def _squares(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(T, dim) summed over T."""
    return np.asarray(np.einsum("td,td->d", values, values))


def _scales(
    frames: int,
    sums: npt.NDArray[np.float64],
    squares: npt.NDArray[np.float64],
    origin: npt.NDArray[np.float64],
    varies: npt.NDArray[np.bool_] | bool,
) -> npt.NDArray[np.float64]:
    """(dim,) squares summed over the frames: of the deviations, or where nothing varies of all.

    Args:
        sums: (dim,) of the values less the origin, and so `squares`.
    """
    deviations = np.maximum(squares - sums**2 / frames, 0)
    return np.where(varies, deviations, squares + origin * (2 * sums + frames * origin))
