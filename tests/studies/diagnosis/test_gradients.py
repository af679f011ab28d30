"""The check of gradients against finite differences."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import Function

from bossline.batches.padded import Padded
from bossline.models.encoders.conformer import ConformerConfig
from bossline.models.encoders.rnn import RnnConfig
from bossline.models.tagger import TaggerConfig
from bossline.studies.diagnosis.gradients import EXACT, WRONG, check_cost, gradient_checks
from bossline.training.contract import StepLoss
from bossline.training.objectives import CrossEntropyConfig


def cross_entropy(model: nn.Module, batch: Any) -> StepLoss:
    inputs, labels = batch
    mean = CrossEntropyConfig()(model(inputs), labels)
    return StepLoss(mean, labels.numel(), labels)


def rows() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(16, 6), torch.randint(0, 5, (16,))


class Tripled(Function):
    """Three times x, whose backward says twice."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        return 3 * x

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return 2 * gradient


class Wrong(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        tripled: Tensor = Tripled.apply(x)  # type: ignore[no-untyped-call]
        return tripled


def test_layers_before_a_wrong_backward_are_named() -> None:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), Wrong(), nn.Linear(8, 5))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    first, last = gradient_checks(model, cross_entropy, rows(), 0)
    assert (first.layer, last.layer) == ("0", "3")
    # backward is 2/3 of the truth: |1 - 2/3| / (1 + 2/3)
    assert first.error == pytest.approx(0.2, rel=1e-4)
    assert first.backward == pytest.approx(first.differences * 2 / 3, rel=1e-6)
    assert first.error > WRONG
    assert last.error < 1e-8
    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items())


def test_slopes_are_those_of_a_formula() -> None:
    """A layer of one number: its only directions are up and down."""
    layer = nn.Linear(1, 1, bias=False)
    model = nn.Sequential(layer)

    def squared(model: nn.Module, batch: Any) -> StepLoss:
        return StepLoss((model(batch[0]) - 1).square().mean(), 1, batch[0])

    nn.init.constant_(layer.weight, 3.0)
    (check,) = gradient_checks(model, squared, (torch.full((1, 1), 2.0),), 0)
    assert check.backward == pytest.approx(2 * (3 * 2 - 1) * 2)
    assert check.differences == pytest.approx(check.backward)


def test_a_layer_without_slope_is_right() -> None:
    layer = nn.Linear(6, 8)
    model = nn.Sequential(layer, nn.ReLU(), nn.Linear(8, 5))
    nn.init.constant_(layer.bias, -100.0)  # all its units are dead
    dead, _ = gradient_checks(model, cross_entropy, rows(), 0)
    assert dead.backward == dead.differences == dead.error == 0


@pytest.mark.parametrize(
    "encoder",
    [
        ConformerConfig(depth=1, width=8, heads=2, kernel=3, dropout=0.5),
        ConformerConfig(depth=1, width=8, heads=2, kernel=3, positions="relative"),
        RnnConfig(width=6),
    ],
)
def test_what_is_built_in_has_the_gradients_of_its_loss(encoder: Any) -> None:
    torch.manual_seed(0)
    model = TaggerConfig(encoder=encoder).build(8, 5)
    batch = Padded.of(torch.randn(2, 9, 8), torch.tensor([9, 6]))
    labels = torch.randint(0, 5, (2, 9)).masked_fill(~batch.mask, -100)
    costs: list[float] = []
    checks = gradient_checks(model, cross_entropy, (batch, labels), 0, costs.append)
    assert len({check.layer for check in checks}) == len(checks) > 1
    assert max(check.error for check in checks) < EXACT
    assert sum(costs) == labels.numel() * check_cost(model)
    assert model.training
