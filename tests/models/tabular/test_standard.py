from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import StandardScaler

from bossline.models.tabular.base import Standardised
from bossline.models.tabular.columns import AllConfig, CorrelationConfig, NamedConfig

numbers = st.integers(-(10**6), 10**6).map(lambda number: number / 8)
tables = st.tuples(st.integers(1, 12), st.integers(1, 6)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=numbers)
)


@given(tables)
def test_units_are_those_of_scikit_learn(x: np.ndarray) -> None:
    standard = Standardised(AllConfig(), x.shape[1])
    standard.fit(torch.from_numpy(x), torch.from_numpy(x[:, 0]), ())
    expected = StandardScaler().fit_transform(x)
    np.testing.assert_allclose(standard(torch.from_numpy(x)), expected, atol=1e-9)
    np.testing.assert_allclose(
        standard.targets(torch.from_numpy(x[:, 0])), expected[:, 0], atol=1e-9
    )


@given(tables, st.sampled_from([torch.float32, torch.float64]))
def test_targets_come_back(x: np.ndarray, dtype: torch.dtype) -> None:
    standard = Standardised(AllConfig(), x.shape[1])
    rows = torch.from_numpy(x)
    standard.fit(rows, rows[:, 0], ())
    y = rows[:, 0].to(dtype)
    back = standard.restore(standard.targets(y))
    assert back.dtype == dtype
    assert torch.allclose(back, y, atol=1e-6 * (1 + float(y.abs().max())), rtol=0)


def test_a_constant_column_is_0_and_keeps_its_units() -> None:
    x = torch.tensor([[0.1, 1.0], [0.1, 2.0], [0.1, 6.0]], dtype=torch.float64)
    standard = Standardised(AllConfig(), 2)
    standard.fit(x, x[:, 0], ())
    assert standard(x)[:, 0].tolist() == [0, 0, 0]
    assert standard(torch.tensor([[1.6, 3.0]]))[0].tolist() == [float(np.float32(1.6)) - 0.1, 0]
    assert standard.restore(torch.zeros(1)).item() == np.float32(0.1)


def test_only_chosen_columns_of_the_rows_given_count() -> None:
    torch.manual_seed(0)
    x = torch.randn(40, 3)
    y = x[:, 2] + 0.1 * x[:, 0]
    x[30:, 1] = y[30:] = torch.linspace(1e3, 1e4, 10)  # among these rows column 1 would win
    first, all_rows = (Standardised(CorrelationConfig(count=1), 3) for _ in range(2))
    first.fit(x[:30], y[:30], ())
    all_rows.fit(x, y, ())
    assert first.chosen.tolist() == [2]
    assert all_rows.chosen.tolist() == [1]
    np.testing.assert_allclose(first.mean, x[:30, 2].double().mean().reshape(1))
    assert first(x).shape == (40, 1)


def test_the_state_dict_is_all_that_it_needs() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(20, 4) * 3 + 1, torch.randn(20)
    columns = NamedConfig(names=("c", "a"))
    fitted, loaded = Standardised(columns, 4), Standardised(columns, 4)
    fitted.fit(x, y, ("a", "b", "c", "d"))
    loaded.load_state_dict(fitted.state_dict())
    assert torch.equal(loaded(x), fitted(x))
    assert torch.equal(loaded.restore(y), fitted.restore(y))
    np.testing.assert_allclose(
        fitted(x), StandardScaler().fit_transform(x[:, [0, 2]].double()), atol=1e-12
    )
