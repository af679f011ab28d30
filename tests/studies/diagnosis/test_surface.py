from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bossline.models.mlp import MlpConfig
from bossline.studies.diagnosis.objective import Objective
from bossline.studies.diagnosis.surface import (
    LINE_POINTS,
    PLANE_POINTS,
    filter_normalised,
    line,
    plane,
    steps,
)
from bossline.training.contract import StepLoss


class Bowl(nn.Module):
    """Two filters of two numbers, and a bias that must stay."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[3.0, 4.0], [0.6, 0.8]]))
        self.bias = nn.Parameter(torch.tensor([7.0]))


def half_square(model: nn.Module, batch: Any) -> StepLoss:
    assert isinstance(model, Bowl)
    return StepLoss(model.weight.square().sum() / 2 + model.bias.sum(), 1, torch.tensor(0))


@pytest.mark.parametrize(
    "model",
    [
        MlpConfig(depth=2, width=6, norm="batch").build(5, 4),
        nn.Conv2d(3, 4, (1, 5)),
        nn.LSTM(3, 4),
    ],
)
def test_every_filter_keeps_its_norm(model: nn.Module) -> None:
    direction = filter_normalised(model, torch.Generator().manual_seed(0))
    for parameter, part in zip(model.parameters(), direction, strict=True):
        if parameter.dim() < 2:
            assert not part.any()
        else:
            own, theirs = (x.detach().flatten(1).norm(dim=1) for x in (parameter, part))
            torch.testing.assert_close(own, theirs)
            assert not torch.allclose(part, parameter)


def directions() -> tuple[Bowl, list[Tensor], list[Tensor]]:
    model, drawn = Bowl(), torch.Generator().manual_seed(0)
    return model, filter_normalised(model, drawn), filter_normalised(model, drawn)


def test_slices_against_the_formula() -> None:
    model, right, up = directions()
    objective = Objective(model, half_square, [None])
    before = [parameter.detach().clone() for parameter in model.parameters()]

    def expected(x: float, y: float) -> float:
        return float((before[0] + x * right[0] + y * up[0]).square().sum() / 2 + 7)

    along = steps(LINE_POINTS)
    np.testing.assert_allclose(line(objective, right), [expected(x, 0) for x in along], rtol=1e-5)
    places = steps(PLANE_POINTS)
    np.testing.assert_allclose(
        plane(objective, right, up), [[expected(x, y) for x in places] for y in places], rtol=1e-5
    )
    for parameter, old in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter, old)


@pytest.mark.parametrize("points", [LINE_POINTS, PLANE_POINTS])
def test_the_trained_weights_are_in_the_middle(points: int) -> None:
    places = steps(points)
    assert places[points // 2] == 0
    assert places[0] == -places[-1] == -1
    assert (np.diff(places) > 0).all()
