"""The ends of a Hessian's spectrum, from products with vectors alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

TOLERANCE = 0.01  # of an eigenvalue: how exact both ends are wanted
NOISE = 1e-4  # of the largest eigenvalue: what float32 products cannot tell from zero
_FEWEST = 10  # products: a residual can be small early on, next to an eigenvalue that is no end
_BASIS_BYTES = 2 * 2**30  # of memory that the basis may take


@dataclass(frozen=True)
class Spectrum:
    """Ritz values: what k products have seen of the eigenvalues.

    Attributes:
        values: (k,) rising. The first is never below the least eigenvalue, the last never above
            the greatest, and there are at least as many negative eigenvalues as negative values.
        residuals: (k,) norm of H x - value x; an eigenvalue lies within that of the value.
        shares: (k,) about which share of all eigenvalues lies around each value; they sum to 1
            (stochastic Lanczos quadrature, Ghorbani et al. 2019, arXiv 1901.10159).
    """

    values: npt.NDArray[np.float64]
    residuals: npt.NDArray[np.float64]
    shares: npt.NDArray[np.float64]

    @property
    def top(self) -> float:
        return float(self.values[-1])

    @property
    def bottom(self) -> float:
        return float(self.values[0])

    @property
    def scale(self) -> float:
        """The greatest magnitude."""
        return float(np.abs(self.values).max())

    @property
    def negative(self) -> int:
        """Directions that surely curve downwards."""
        return int((self.values < -NOISE * self.scale).sum())

    @property
    def top_is_exact(self) -> bool:
        return self._is_exact(-1)

    @property
    def bottom_is_exact(self) -> bool:
        return self._is_exact(0)

    def _is_exact(self, place: int) -> bool:
        wanted = max(TOLERANCE * abs(self.values[place]), NOISE * self.scale)
        return bool(self.residuals[place] <= wanted)


def lanczos(product: Callable[[Tensor], Tensor], start: Tensor, products: int) -> Spectrum:
    """Lanczos with full reorthogonalisation (Parlett 1998, "The symmetric eigenvalue problem").

    Ends when both ends are within 1% of an eigenvalue, or, where they are about zero, within 1e-4
    of the largest; when the vectors span all that a product can reach; or after so many products.

    Args:
        product: (P,) -> (P,), a symmetric matrix times a vector.
        start: (P,), random: a direction that it lacks is not found.
        products: most that are taken, at least 1; fewer where the basis would pass 2 GiB.
    """
    most = min(products, len(start), max(2, _BASIS_BYTES // (len(start) * start.element_size())))
    basis = start.new_empty(most, len(start))
    basis[0] = start / start.norm()
    diagonal: list[float] = []
    beside: list[float] = []
    while True:
        done = len(diagonal) + 1
        image = product(basis[done - 1])
        reached = float(image.norm())
        diagonal.append(float(basis[done - 1] @ image))
        for _ in range(2):  # twice is enough (Parlett, after Kahan)
            image = image - basis[:done].T @ (basis[:done] @ image)
        step = float(image.norm())
        spectrum = _ritz(diagonal, beside, step)
        if step <= 10 * torch.finfo(start.dtype).eps * max(reached, spectrum.scale):
            return _ritz(diagonal, beside, 0.0)
        exact = done >= _FEWEST and spectrum.top_is_exact and spectrum.bottom_is_exact
        if exact or done == most:
            return spectrum
        beside.append(step)
        basis[done] = image / step


def _ritz(diagonal: list[float], beside: list[float], step: float) -> Spectrum:
    values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
    return Spectrum(values, step * np.abs(vectors[-1]), vectors[0] ** 2)
