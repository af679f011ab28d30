"""Ridge regression in closed form, against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.linear_model import Ridge as ScikitRidge
from sklearn.preprocessing import StandardScaler

from bossline.models.tabular.columns import CorrelationConfig, NamedConfig
from bossline.models.tabular.ridge import Ridge, RidgeConfig, least_squares

Floats = npt.NDArray[np.float64]


def states_and_percentages(seed: int, rows: int) -> tuple[Floats, Floats]:
    """One-hot states, which sum up to 1, a constant, and percentages of which two are one."""
    rng = np.random.default_rng(seed)
    states = np.eye(5)[rng.permutation(rows) % 5]
    percentages = rng.uniform(0, 100, (rows, 4))
    constant = np.full((rows, 1), 0.1)
    x = np.concatenate([states, constant, percentages, 2 * percentages[:, :1] + 1], axis=1)
    y = percentages @ [0.1, 0, 0.2, 0] + states @ rng.normal(size=5) + rng.normal(size=rows)
    return x, y


def fitted(x: Floats, y: Floats, batch: int = 37, **keys: Any) -> Ridge:
    model = RidgeConfig(**keys).build(x.shape[1], 1)
    model.names = tuple(f"c{place}" for place in range(x.shape[1]))
    rows = torch.arange(len(x)).split(batch)  # type: ignore[no-untyped-call]
    model.fit([(torch.from_numpy(x)[some], torch.from_numpy(y)[some]) for some in rows])
    return model


def predicted(model: Ridge, x: Floats) -> Floats:
    with torch.no_grad():
        found = model(torch.from_numpy(x))
    assert found.dtype == torch.float32
    return np.asarray(found.double())


cases = st.tuples(st.integers(0, 2**32 - 1), st.integers(20, 200))


@given(cases, st.one_of(st.just(0.0), st.floats(1e-3, 1e4)))
def test_it_is_that_of_scikit_learn(case: tuple[int, int], l2: float) -> None:
    x, y = states_and_percentages(*case)
    scaler = StandardScaler().fit(x)
    z = scaler.transform(x)
    expected = (ScikitRidge(alpha=l2, solver="svd") if l2 else LinearRegression()).fit(z, y)
    model = fitted(x, y, l2=l2)
    weight = (model.weight * model.standard.target_scale).detach().numpy()
    np.testing.assert_allclose(weight, expected.coef_, atol=1e-6)
    new = states_and_percentages(1, 30)[0]
    np.testing.assert_allclose(
        predicted(model, new), expected.predict(scaler.transform(new)), rtol=1e-6, atol=1e-6
    )


@given(cases, st.floats(-50, 50), st.floats(0.1, 10), st.sampled_from([0.0, 10.0]))
def test_units_of_a_column_change_nothing(
    case: tuple[int, int], shift: float, factor: float, l2: float
) -> None:
    x, y = states_and_percentages(*case)
    other = x.copy()
    other[:, [2, 7]] = x[:, [2, 7]] * factor + shift
    one, two = (predicted(fitted(table, y, l2=l2), table) for table in (x, other))
    np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-5)


@given(cases, st.floats(-50, 50), st.floats(0.1, 10), st.sampled_from([0.0, 10.0]))
def test_predictions_follow_the_units_of_the_target(
    case: tuple[int, int], shift: float, factor: float, l2: float
) -> None:
    x, y = states_and_percentages(*case)
    one, two = (predicted(fitted(x, target, l2=l2), x) for target in (y, y * factor + shift))
    np.testing.assert_allclose(one * factor + shift, two, rtol=1e-5, atol=1e-4)


@given(cases, st.floats(1e-6, 1e3))
def test_the_gradient_of_the_penalised_squares_is_0(case: tuple[int, int], l2: float) -> None:
    rng = np.random.default_rng(case[0])
    x, y = rng.normal(size=(case[1], 6)), rng.normal(size=case[1])
    w = least_squares(torch.from_numpy(x), torch.from_numpy(y), l2).numpy()
    np.testing.assert_allclose(x.T @ (x @ w - y) + l2 * w, 0, atol=1e-8)


def test_columns_that_are_one_but_for_float32_rounding_get_no_large_weights() -> None:
    """Shares of 100 %."""
    shares = np.random.default_rng(0).dirichlet(np.ones(4) * 50, 300) * 100
    y = shares @ [1.0, 2, 3, 4] + np.random.default_rng(1).normal(size=300)
    z = StandardScaler().fit_transform(shares.astype(np.float32).astype(np.float64))
    w = least_squares(torch.from_numpy(z), torch.from_numpy(y - y.mean()), 0)
    expected = LinearRegression().fit(shares[:, :3], y).predict(shares[:, :3])
    np.testing.assert_allclose(z @ w.numpy() + y.mean(), expected, atol=1e-3)
    assert w.abs().max() < 10


def test_with_fewer_rows_than_columns_the_weights_are_smallest() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 9)), rng.normal(size=5)
    w = least_squares(torch.from_numpy(x), torch.from_numpy(y), 0)
    np.testing.assert_allclose(w, np.linalg.lstsq(x, y, rcond=None)[0], atol=1e-12)


def test_how_the_rows_are_cut_into_batches_changes_nothing() -> None:
    x, y = states_and_percentages(0, 100)
    one, many = (predicted(fitted(x, y, batch=size, l2=1), x) for size in (100, 7))
    np.testing.assert_array_equal(one, many)


def test_only_chosen_columns_are_read() -> None:
    x, y = states_and_percentages(0, 100)
    model = fitted(x, y, columns=NamedConfig(names=("c8", "c6")))
    expected = LinearRegression().fit(x[:, [6, 8]], y).predict(x[:, [6, 8]])
    np.testing.assert_allclose(predicted(model, x), expected, rtol=1e-6)
    x[:, [0, 7, 9]] = np.nan
    np.testing.assert_allclose(predicted(model, x), expected, rtol=1e-6)


def test_the_state_dict_is_all_that_it_needs() -> None:
    x, y = states_and_percentages(0, 100)
    config = RidgeConfig(columns=CorrelationConfig(count=3), l2=2)
    model = fitted(x, y, **dict(config))
    loaded = config.build(x.shape[1], 1)
    loaded.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(predicted(loaded, x), predicted(model, x))
    assert loaded.standard.chosen.tolist() == model.standard.chosen.tolist()


@pytest.mark.parametrize("l2", [0.0, 1.0])
def test_a_target_or_a_table_without_variation_is_predicted_by_the_mean(l2: float) -> None:
    x, y = states_and_percentages(0, 50)
    np.testing.assert_allclose(predicted(fitted(x, np.full(50, 0.1), l2=l2), x), 0.1, rtol=1e-6)
    constant = np.full_like(x, 0.1)
    np.testing.assert_allclose(predicted(fitted(constant, y, l2=l2), x), y.mean(), rtol=1e-6)
