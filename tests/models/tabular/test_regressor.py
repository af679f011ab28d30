"""Regression by gradient steps, against the closed form."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.linear_model import LinearRegression
from torch import Tensor
from torch.nn import functional

from bossline.core.errors import UserError
from bossline.models.mlp import MlpConfig
from bossline.models.tabular.columns import CorrelationConfig, LassoConfig, NamedConfig
from bossline.models.tabular.regressor import LinearConfig, Regressor, RegressorConfig
from bossline.models.tabular.ridge import RidgeConfig

MLP = MlpConfig(depth=1, width=8)


def rows(count: int = 120) -> tuple[Tensor, Tensor]:
    """One-hot states, a constant, percentages of which two are one; float32, as a table gives."""
    rng = np.random.default_rng(0)
    states = np.eye(4)[np.arange(count) % 4]
    percentages = rng.uniform(0, 100, (count, 3))
    x = np.concatenate([states, np.full((count, 1), 0.1), percentages, percentages[:, :1]], axis=1)
    y = percentages @ [0.1, 0, 0.2] + states @ rng.normal(size=4) + rng.normal(size=count)
    return torch.tensor(x).float(), torch.tensor(y).float()


def prepared(x: Tensor, y: Tensor, **keys: Any) -> Regressor:
    torch.manual_seed(0)
    model = RegressorConfig(**keys).build(x.shape[1], 1)
    model.names = tuple(f"c{place}" for place in range(x.shape[1]))
    model.prepare(x, y)
    return model


@torch.no_grad()
def predicted(model: torch.nn.Module, x: Tensor) -> Tensor:
    found: Tensor = model(x)
    assert found.shape == (len(x),)
    assert found.dtype == torch.float32
    return found


def descend(model: Regressor, x: Tensor, y: Tensor) -> float:
    """All rows at once by L-BFGS; the mean squared error, with the penalty."""
    search = torch.optim.LBFGS(
        model.parameters(), max_iter=200, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        return functional.mse_loss(model(x), y) + model.penalty(len(x))

    def closure() -> Tensor:
        search.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    search.step(closure)  # type: ignore[no-untyped-call]
    return loss().item()


@pytest.mark.parametrize("l2", [0.0, 1.0, 300.0])
def test_descent_of_a_linear_network_reaches_the_closed_form(l2: float) -> None:
    x, y = rows()
    model = prepared(x, y, network=LinearConfig(), l2=l2)
    descend(model, x, y)
    closed = RidgeConfig(l2=l2).build(x.shape[1], 1)
    closed.fit([(x, y)])
    torch.testing.assert_close(predicted(model, x), predicted(closed, x), rtol=1e-4, atol=1e-4)
    assert isinstance(model.network, torch.nn.Linear)
    torch.testing.assert_close(
        model.network.weight.double().squeeze(0), closed.weight, rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("network", [LinearConfig(), MLP])
def test_the_penalty_is_that_of_the_linear_weights_in_units_of_the_target(network: Any) -> None:
    x, y = rows()
    l2 = 3.0 if network.kind == "linear" else 0.0
    model = prepared(x, y, network=network, l2=l2)
    assert model.penalty(7).item() == 0
    if not isinstance(model.network, torch.nn.Linear):
        return
    torch.nn.init.constant_(model.network.weight, 0.5)
    expected = l2 * x.shape[1] * (0.5 * y.double().std(correction=0)) ** 2 / 7
    torch.testing.assert_close(model.penalty(7), expected.float())


def test_a_linear_network_starts_at_the_mean() -> None:
    x, y = rows()
    found = predicted(prepared(x, y, network=LinearConfig()), x)
    torch.testing.assert_close(found, y.mean().expand(len(y)))


@pytest.mark.parametrize("depth", [1, 3])
def test_with_a_skip_training_starts_at_the_linear_regression_and_goes_on(depth: int) -> None:
    x, y = rows()
    y = y + (x[:, 5] - 50).abs()  # what no line says
    network = MlpConfig(depth=depth, width=8)
    model = prepared(x, y, network=network, skip=True)
    expected = LinearRegression().fit(x.double(), y.double()).predict(x.double())
    start = predicted(model, x)
    np.testing.assert_allclose(start, expected, rtol=1e-5, atol=1e-4)
    model(x).sum().backward()
    model.zero_grad()
    assert descend(model, x, y) < 0.5 * functional.mse_loss(start, y).item()
    without = predicted(prepared(x, y, network=network), x)
    assert not torch.allclose(without, start)


@pytest.mark.parametrize("skip", [False, True])
def test_it_is_float32_under_autocast(skip: bool) -> None:
    x, y = rows()
    model = prepared(x, y, network=MLP, skip=skip)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = predicted(model, x)
    assert torch.equal(found, predicted(model, x))
    assert torch.equal(predicted(model, x.double()), found)


def test_only_the_rows_that_it_is_prepared_with_count() -> None:
    x, y = rows()
    corrupt, shifted = x.clone(), y.clone()
    corrupt[100:] = corrupt[100:].flip(1) * 1000
    shifted[100:] = -1000
    keys: dict[str, Any] = {"network": MLP, "skip": True, "columns": LassoConfig(count=3)}
    one = prepared(x[:100], y[:100], **keys)
    two = prepared(corrupt[:100], shifted[:100], **keys)
    for name, value in one.state_dict().items():
        assert torch.equal(value, two.state_dict()[name]), name


@pytest.mark.parametrize(
    "keys",
    [
        {"network": LinearConfig(), "l2": 2.0, "columns": CorrelationConfig(count=3)},
        {"network": MlpConfig(norm="batch"), "columns": NamedConfig(names=("c7", "c2"))},
        {"network": MLP, "skip": True},
    ],
)
def test_the_state_dict_is_all_that_it_needs(keys: dict[str, Any]) -> None:
    x, y = rows()
    model = prepared(x, y, **keys)
    descend(model, x, y)
    torch.manual_seed(1)
    loaded = RegressorConfig(**keys).build(x.shape[1], 1)
    loaded.load_state_dict(copy.deepcopy(model.state_dict()))
    assert torch.equal(predicted(loaded.eval(), x), predicted(model.eval(), x))


def test_what_does_not_go_together_is_an_error() -> None:
    with pytest.raises(ValidationError, match="l2 is for a linear network, not for mlp"):
        RegressorConfig(network=MLP, l2=1)
    with pytest.raises(ValidationError, match="a linear layer already: leave out skip"):
        RegressorConfig(network=LinearConfig(), skip=True)
    with pytest.raises(UserError, match="the table has 9 columns"):
        RegressorConfig(network=MLP, columns=CorrelationConfig(count=10)).build(9, 1)
