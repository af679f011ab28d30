"""Polynomial regression, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from sklearn.linear_model import Ridge as ScikitRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from bossline.core.errors import UserError
from bossline.models.tabular.columns import CorrelationConfig
from bossline.models.tabular.polynomials import Polynomials
from bossline.models.tabular.regressor import LinearConfig, RegressorConfig
from bossline.models.tabular.ridge import RidgeConfig


@pytest.mark.parametrize("degree", [2, 3])
@pytest.mark.parametrize("l2", [0.0, 5.0])
def test_ridge_of_all_monomials_is_scikit_learns(degree: int, l2: float) -> None:
    rng = np.random.default_rng(degree)
    x = rng.uniform(0, 100, (90, 4)).astype(np.float32)
    y = 0.01 * x[:, 0] * x[:, 1] - 1e-4 * x[:, 2] ** 2 * x[:, 3] + rng.normal(size=90)
    reference = make_pipeline(
        StandardScaler(),
        PolynomialFeatures(degree, include_bias=False),
        StandardScaler(),
        ScikitRidge(alpha=l2) if l2 else LinearRegression(),
    ).fit(x[:60].astype(np.float64), y[:60])
    model = RidgeConfig(degree=degree, interactions=True, l2=l2).build(4, 1)
    told = model.fit([(torch.from_numpy(x[:60]), torch.from_numpy(y[:60]))])
    assert told.startswith(f"one pass, {len(reference[-1].coef_)} terms of 4 of 4 columns, mean sq")
    found = model(torch.from_numpy(x)).detach()
    scale = torch.from_numpy(y[:60]).std(correction=0)
    assert scale > 1  # the penalty is of a target in standard units, which moves no optimum
    error = np.mean((reference.predict(x[:60].astype(np.float64)) - y[:60]) ** 2)
    assert float(told.rpartition(" ")[2]) == pytest.approx(error, abs=1e-3)
    np.testing.assert_allclose(found, reference.predict(x.astype(np.float64)), rtol=1e-4, atol=1e-3)


def test_powers_alone_are_a_polynomial_a_column() -> None:
    x = torch.linspace(-3, 3, 40, dtype=torch.float64)[:, None]
    y = 2 + x[:, 0] - 0.5 * x[:, 0] ** 3
    model = RidgeConfig(degree=3).build(1, 1)
    model.fit([(x, y)])
    torch.testing.assert_close(model(x).double(), y, atol=1e-5, rtol=1e-5)
    straight = RidgeConfig(degree=2).build(1, 1)
    straight.fit([(x, y)])
    assert (straight(x) - y).abs().max() > 1


def test_columns_of_zeros_and_ones_have_no_powers_of_their_own() -> None:
    """Their squares are constant, or the column again: predictions are those of degree 1."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(np.eye(2)[np.arange(50) % 2].astype(np.float32))
    y = torch.from_numpy(x.numpy() @ [1.0, 3.0] + rng.normal(size=50))
    predictions = []
    for degree in (1, 3):
        model = RidgeConfig(degree=degree).build(2, 1)
        model.fit([(x, y)])
        predictions.append(model(x))
    torch.testing.assert_close(predictions[0], predictions[1])


def test_it_comes_back_from_its_state() -> None:
    config = RidgeConfig(degree=2, columns=CorrelationConfig(count=2))
    x, y = torch.randn(30, 4), torch.randn(30)
    model, other = config.build(4, 1), config.build(4, 1)
    model.fit([(x, y)])
    other.load_state_dict(model.state_dict())
    assert torch.equal(model(x), other(x))
    assert set(RidgeConfig().build(4, 1).state_dict()) == {
        *(f"standard.{name}" for name in ("following", "chosen", "mean", "scale")),
        "standard.target_mean", "standard.target_scale", "weight",
    }  # fmt: skip


def test_a_network_reads_terms_too() -> None:
    config = RegressorConfig(degree=2, interactions=True, network=LinearConfig())
    model = config.build(3, 1)
    assert model.network.weight.shape == (1, 3 + 6)
    x, y = torch.randn(20, 3), torch.randn(20)
    model.prepare(x, y)
    torch.testing.assert_close(model.standard(x).mean(0), torch.zeros(9, dtype=torch.float64))


def test_too_many_terms_are_refused() -> None:
    with pytest.raises(UserError, match="degree=3 makes 121,484 terms of 88 columns, at most"):
        RidgeConfig(degree=3, interactions=True).build(88, 1)
    assert Polynomials(3, False, 88).outputs == 3 * 88
