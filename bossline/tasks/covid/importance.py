"""Which columns of a table predictions hang on: they are made again with each of them shuffled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

REPEATS = 5


def permutation_importance(
    answer: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]],
    rows: npt.NDArray[np.float32],
    true: npt.NDArray[np.float64],
    *,
    seed: int = 0,
) -> npt.NDArray[np.float64]:
    """How much the mean squared error grows when one column is shuffled among the rows.

    After Breiman (2001); for any model, Fisher et al., arXiv 1801.01489. Columns that say the same
    share their importance, for each stands in for the other.

    Args:
        answer: (n, D) -> (n,) predictions.
        rows: (N, D).
        true: (N,) targets.

    Returns:
        (REPEATS, D), each row of it another shuffle of the rows, the same for all columns.
    """
    generator = np.random.default_rng(seed)
    orders = np.stack([generator.permutation(len(rows)) for _ in range(REPEATS)])
    error = np.mean((answer(rows) - true) ** 2)
    grown = np.empty((REPEATS, rows.shape[1]))
    shuffled = np.tile(rows, (REPEATS, 1))
    for column in range(rows.shape[1]):
        shuffled[:, column] = rows[orders, column].ravel()
        errors = (answer(shuffled).reshape(REPEATS, -1) - true) ** 2
        grown[:, column] = errors.mean(1) - error
        shuffled[:, column] = np.tile(rows[:, column], REPEATS)
    return grown
