from __future__ import annotations

import numpy as np
import pytest
from sklearn.inspection import permutation_importance as reference
from sklearn.linear_model import LinearRegression

from bossline.tasks.covid.importance import REPEATS, permutation_importance

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(400, 4)).astype(np.float32)
TRUE = ROWS.astype(np.float64) @ [3, -1, 0.5, 0] + RNG.normal(size=400) * 0.1


def test_is_the_growth_of_the_error_shuffle_by_shuffle() -> None:
    def answer(rows: np.ndarray) -> np.ndarray:
        return np.asarray(np.sin(rows[:, 0]) * rows[:, 1] + rows[:, 2], np.float32)

    found = permutation_importance(answer, ROWS, TRUE, seed=3)
    rng = np.random.default_rng(3)
    whole = np.mean((answer(ROWS) - TRUE) ** 2)
    for repeat in range(REPEATS):
        order = rng.permutation(len(ROWS))
        for column in range(4):
            rows = ROWS.copy()
            rows[:, column] = ROWS[order, column]
            error = np.mean((answer(rows) - TRUE) ** 2)
            assert found[repeat, column] == pytest.approx(error - whole)
    assert np.all(found[:, 3] == 0)  # a column that is not read


def test_agrees_with_scikit_learn_and_with_theory() -> None:
    model = LinearRegression().fit(ROWS.astype(np.float64), TRUE)
    found = permutation_importance(lambda rows: model.predict(rows), ROWS, TRUE).mean(0)
    expected = reference(
        model, ROWS, TRUE, scoring="neg_mean_squared_error", n_repeats=50, random_state=0
    ).importances_mean
    np.testing.assert_allclose(found, expected, rtol=0.1, atol=1e-3)
    # Of a linear model twice the variance of a column times its squared weight.
    np.testing.assert_allclose(found, 2 * model.coef_**2 * ROWS.var(0), rtol=0.15, atol=1e-3)
