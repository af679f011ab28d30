from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from bossline.batches.padded import Padded
from bossline.models.mlp import MlpConfig
from bossline.models.tagger import TaggerConfig
from bossline.studies.diagnosis.layers import layers
from bossline.studies.diagnosis.objective import Objective
from bossline.studies.diagnosis.units import rectified_units, without_padding
from bossline.training.contract import StepLoss


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu"])
def test_units_that_were_killed_are_dead(activation: Any) -> None:
    torch.manual_seed(0)
    model = MlpConfig(depth=2, width=10, activation=activation).build(4, 3)
    first = model.layers[0]
    assert isinstance(first, nn.Linear)
    with torch.no_grad():
        first.bias[:3] = -1000  # below zero whatever comes in
        first.weight[3] = 0
        first.bias[3] = -1000
    inputs = [torch.randn(200, 4) for _ in range(2)]
    first_layer, second_layer = rectified_units(model, inputs)
    assert (first_layer.layer, first_layer.units, first_layer.dead) == ("layers.1", 10, 4)
    assert first_layer.share == 0.4
    hidden = model.layers[:4](torch.cat(inputs))
    assert second_layer.dead == int((hidden.abs() <= 1e-6).all(0).sum())


def test_a_unit_that_speaks_once_is_alive() -> None:
    linear = nn.Linear(1, 2)
    model = nn.Sequential(linear, nn.ReLU())
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[1.0], [1.0]]))
        linear.bias.copy_(torch.tensor([-5.0, -7.0]))
    inputs = [torch.zeros(9, 1), torch.tensor([[0.0], [6.0]])]
    (found,) = rectified_units(model, inputs)
    assert (found.units, found.dead) == (2, 1)


def test_other_activations_are_not_counted() -> None:
    assert rectified_units(MlpConfig(activation="sigmoid").build(4, 3), [torch.randn(9, 4)]) == []


def test_relu_is_seen_within_an_encoder_too() -> None:
    torch.manual_seed(0)
    config = {"kind": "ecapa", "channels": 8, "scale": 2, "bottleneck": 4, "aggregated": 6}
    model = TaggerConfig.model_validate({"encoder": config}).build(3, 2).eval()
    frames = torch.randn(2, 9, 3)
    found = {
        one.layer: one for one in rectified_units(model, [Padded.of(frames, torch.tensor([9, 9]))])
    }
    assert found["encoder"].units == 6
    assert found["encoder.front"].units == 8
    assert found["encoder.blocks.2.excitation"].units == 4


def test_padding_is_parted_from_frames() -> None:
    frames = torch.arange(24.0).view(4, 3, 2)
    parts = list(without_padding(Padded.of(frames, torch.tensor([3, 1, 3, 2]))))
    assert sorted(part.frames.shape for part in parts) == [(1, 1, 2), (1, 2, 2), (2, 3, 2)]
    assert all(part.mask.all() for part in parts)
    assert sum(int(part.frames.sum()) for part in parts) == int(
        Padded.of(frames, torch.tensor([3, 1, 3, 2])).joined().sum()
    )
    (window,) = without_padding(frames)
    assert window is frames


def test_scales_against_hooks_by_hand() -> None:
    torch.manual_seed(0)
    model = MlpConfig(depth=1, width=6, norm="layer").build(4, 3)
    inputs, labels = torch.randn(20, 4), torch.randint(0, 3, (20,))

    def loss(model: nn.Module, batch: Any) -> StepLoss:
        return StepLoss(nn.functional.cross_entropy(model(inputs), labels), 20, labels)

    objective = Objective(model, loss, [None])
    first, last = layers(objective, objective.slope().gradient, [inputs[:5], inputs[5:]])
    assert (first.name, last.name) == ("layers.0", "layers.3")
    linear = model.layers[0]
    assert isinstance(linear, nn.Linear)
    loss(model, None).mean.backward()  # type: ignore[no-untyped-call]
    assert linear.weight.grad is not None
    linear.requires_grad_(False)
    assert first.activation == pytest.approx(float(linear(inputs).square().mean().sqrt()))
    assert last.activation == pytest.approx(float(model(inputs).detach().square().mean().sqrt()))
    assert first.weights == pytest.approx(float(linear.weight.square().mean().sqrt()))
    assert first.gradient == pytest.approx(float(linear.weight.grad.square().mean().sqrt()))
    assert first.relative == pytest.approx(first.gradient / first.weights)
