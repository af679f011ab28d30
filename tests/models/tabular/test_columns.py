from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from sklearn.feature_selection import mutual_info_regression
from sklearn.linear_model import lasso_path

from bossline.core.errors import UserError
from bossline.models.tabular.columns import (
    AllConfig,
    ColumnsConfig,
    CorrelationConfig,
    LassoConfig,
    MutualInformationConfig,
    NamedConfig,
)

Floats = npt.NDArray[np.float64]
SCORED = [CorrelationConfig, MutualInformationConfig, LassoConfig]


def table(seed: int, rows: int, dims: int) -> tuple[Floats, Floats]:
    """Columns of different units, far from 0, some of which go together; a target of some."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, dims)) + 0.5 * rng.normal(size=(rows, 1))
    y = x @ (rng.normal(size=dims) * rng.integers(0, 2, dims)) + rng.normal(size=rows)
    return x * 10.0 ** rng.uniform(-2, 2, dims) + rng.normal(size=dims) * 10, y * 3 + 20


def chosen(config: Any, x: Floats, y: Floats, names: tuple[str, ...] = ()) -> list[int]:
    found = config.choose(torch.from_numpy(x), torch.from_numpy(y), names)
    assert found.dtype == torch.int64
    assert config.count_of(x.shape[1]) == len(found)
    return list(found.tolist())


tables = st.builds(table, st.integers(0, 2**32 - 1), st.integers(30, 60), st.integers(1, 9))


@given(tables, st.data())
def test_correlation_is_that_of_numpy(drawn: tuple[Floats, Floats], data: st.DataObject) -> None:
    x, y = drawn
    count = data.draw(st.integers(1, x.shape[1]))
    r = [abs(np.corrcoef(column, y)[0, 1]) for column in x.T]
    expected = sorted(sorted(range(len(r)), key=lambda place: -r[place])[:count])
    assert chosen(CorrelationConfig(count=count), x, y) == expected


@settings(max_examples=10)
@given(tables, st.data())
def test_mutual_information_is_that_of_scikit_learn(
    drawn: tuple[Floats, Floats], data: st.DataObject
) -> None:
    x, y = drawn
    count = data.draw(st.integers(1, x.shape[1]))
    scores = mutual_info_regression(x, y, random_state=0)
    config = MutualInformationConfig(count=count)
    found = chosen(config, x, y)
    others = [score for place, score in enumerate(scores) if place not in found]
    assert found == sorted(set(found))
    assert min(scores[found]) >= max(others, default=0)
    assert chosen(config, x, y) == found


def test_mutual_information_sees_what_correlation_does_not() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    x[:, 1] = rng.permutation(np.linspace(-1, 1, 300))
    y = x[:, 1] ** 2 + 0.1 * x[:, 2]
    assert chosen(MutualInformationConfig(count=1), x, y) == [1]
    assert chosen(CorrelationConfig(count=1), x, y) == [2]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("states", [0, 5])
def test_lasso_enters_columns_as_coordinate_descent_does(seed: int, states: int) -> None:
    x, y = table(seed, 60, 6)
    if states:  # which sum up to a constant
        one_hot = np.eye(states)[np.arange(60) % states]
        x = np.concatenate([one_hot, x], axis=1)
        y = y + one_hot @ np.random.default_rng(seed).normal(size=states) * 10
    z = (x - x.mean(0)) / x.std(0)
    t = y - y.mean()
    alphas = np.abs(z.T @ t).max() / len(t) * np.geomspace(1, 1e-2, 150)
    path = lasso_path(z, t, alphas=alphas, tol=1e-9, max_iter=10_000)[1]
    entered = np.logical_or.accumulate(path != 0, axis=1)
    for step, count in enumerate(entered.sum(0)):
        if count:
            expected = np.flatnonzero(entered[:, step]).tolist()
            assert chosen(LassoConfig(count=int(count)), x, y) == expected


@pytest.mark.filterwarnings("error")
def test_lasso_asks_what_a_column_adds() -> None:
    """The second column is nearly the first, which says more than the third."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 500))
    x, y = np.stack([a, a + 0.3 * rng.normal(size=500), b], axis=1), 2 * a + b
    assert chosen(LassoConfig(count=2), x, y) == [0, 2]
    assert chosen(CorrelationConfig(count=2), x, y) == [0, 1]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("config", SCORED)
@pytest.mark.parametrize("value", [0.0, 0.1, 1e9])
def test_constant_columns_come_last(config: Any, value: float) -> None:
    x, y = table(2, 50, 3)
    wider = np.insert(x, [0, 2], value, axis=1)  # at 0 and 3
    assert chosen(config(count=3), wider, y) == [1, 2, 4]
    assert chosen(config(count=4), wider, y) == [0, 1, 2, 4]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("config", SCORED)
def test_a_constant_target_or_table_still_gives_so_many_columns(config: Any) -> None:
    x, y = table(3, 50, 4)
    assert len(chosen(config(count=2), x, np.full(50, 0.1))) == 2
    assert chosen(config(count=2), np.full_like(x, 0.1), y) == [0, 1]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("config", SCORED)
def test_one_hot_states_are_no_obstacle(config: Any) -> None:
    rng = np.random.default_rng(4)
    states = np.eye(6)[rng.integers(0, 6, 120)]
    x, y = table(4, 120, 3)
    both = np.concatenate([states, x, -2 * x[:, :1] + 1], axis=1)  # the last says nothing new
    for count in range(1, 11):
        assert len(set(chosen(config(count=count), both, y))) == count


@given(tables)
def test_all_are_all(drawn: tuple[Floats, Floats]) -> None:
    assert chosen(AllConfig(), *drawn) == list(range(drawn[0].shape[1]))


def test_named_columns_come_in_the_order_of_the_table() -> None:
    x, y = table(5, 30, 4)
    names = ("cli", "ili", "wnohh_cmnty_cli", "tested_positive")
    assert chosen(NamedConfig(names=("tested_positive", "ili")), x, y, names) == [1, 3]
    with pytest.raises(UserError, match="no column 'tested_postive'; did you mean 'tested_positi"):
        chosen(NamedConfig(names=("tested_postive",)), x, y, names)
    with pytest.raises(ValidationError, match="'ili' stands there more than once"):
        NamedConfig(names=("ili", "cli", "ili"))


@pytest.mark.parametrize("config", SCORED)
def test_more_columns_than_there_are_is_an_error(config: Any) -> None:
    assert config(count=4).count_of(4) == 4
    with pytest.raises(UserError, match=r"count=5, but the table has 4 columns: set it to 4 or"):
        config(count=5).count_of(4)


def test_without_scikit_learn_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.feature_selection", None)
    monkeypatch.delitem(sys.modules, "bossline.models.tabular.optional", raising=False)
    x, y = table(6, 30, 4)
    for config in (LassoConfig(count=1), MutualInformationConfig(count=1)):
        with pytest.raises(UserError, match=r"pip install 'bossline\[tabular\]'"):
            chosen(config, x, y)
    assert len(chosen(CorrelationConfig(count=1), x, y)) == 1


def test_the_union_is_told_by_kind() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(ColumnsConfig)
    assert adapter.validate_python({"kind": "mutual-information", "count": 3}) == (
        MutualInformationConfig(count=3)
    )
    with pytest.raises(ValidationError):
        adapter.validate_python({"kind": "lasso", "count": 0})
