from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bossline.models.mlp import MlpConfig
from bossline.studies.diagnosis.objective import FORWARD, GRADIENT, PRODUCT, Objective, Slope
from bossline.studies.diagnosis.verdict import slope_is_sure, step_gain
from bossline.training.contract import StepLoss


def cross_entropy(model: nn.Module, batch: Any) -> StepLoss:
    inputs, labels = batch
    return StepLoss(nn.functional.cross_entropy(model(inputs), labels), len(labels), labels)


def test_slope_is_that_of_all_batches_together() -> None:
    torch.manual_seed(0)
    model = MlpConfig(depth=1, width=4).build(3, 5).double()
    batches = [(torch.randn(n, 3, dtype=torch.double), torch.randint(0, 5, (n,))) for n in (4, 9)]
    costs: list[float] = []
    objective = Objective(model, cross_entropy, batches, costs.append)
    inputs, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    loss = nn.functional.cross_entropy(model(inputs), labels)
    expected = torch.cat([g.flatten() for g in torch.autograd.grad(loss, objective.parameters)])
    slope = objective.slope()
    torch.testing.assert_close(slope.gradient, expected)
    assert slope.loss == pytest.approx(loss.item())
    assert objective.loss() == pytest.approx(loss.item())
    objective.product(expected)
    assert sum(costs) == 13 * (GRADIENT + FORWARD + PRODUCT)


class Point(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.zeros(size, dtype=torch.double))


def linear(model: nn.Module, batch: Any) -> StepLoss:
    assert isinstance(model, Point)
    return StepLoss(model.at @ batch, 1, torch.tensor(0))


def test_noise_is_the_mean_gradient_s_standard_error() -> None:
    """Gradients are drawn about a known mean: the noise is how far their mean is from it."""
    rng = np.random.default_rng(0)
    model, missed, said = Point(50), [], []
    for _ in range(100):
        slope = Objective(model, linear, list(torch.from_numpy(rng.normal(1, 3, (8, 50))))).slope()
        missed.append(float((slope.gradient - 1).square().sum()))
        said.append(slope.noise**2)
    assert np.mean(said) == pytest.approx(np.mean(missed), rel=0.05)
    assert np.mean(said) == pytest.approx(50 * 9 / 8, rel=0.05)


def test_whether_a_slope_is_sure() -> None:
    rng = np.random.default_rng(0)
    pure_noise = Objective(Point(200), linear, list(torch.from_numpy(rng.normal(0, 1, (8, 200)))))
    assert not slope_is_sure(pure_noise.slope())
    steep = Objective(Point(200), linear, list(torch.from_numpy(rng.normal(3, 1, (8, 200)))))
    assert slope_is_sure(steep.slope())
    alone = Objective(Point(200), linear, [torch.ones(200, dtype=torch.double)])
    assert not slope_is_sure(alone.slope())


def test_the_gain_of_a_step_on_a_parabola() -> None:
    """3 x^2 at x = 2: the best step leads to 0."""
    gradient = torch.tensor([12.0])
    assert step_gain(Slope(12.0, gradient, 0.0), 6.0) == pytest.approx(12)
    assert step_gain(Slope(12.0, gradient, 0.0), -1.0) == float("inf")
    assert step_gain(Slope(12.0, gradient, 12.0), 6.0) == 0
