"""Schedules against torch's own schedulers, step by step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch.optim import lr_scheduler as reference

from bossline.training.schedules import (
    ConstantConfig,
    CosineConfig,
    ExponentialConfig,
    OneCycleConfig,
    PlateauConfig,
    ScheduleConfig,
    Span,
    StepConfig,
    WarmRestartsConfig,
)

SPAN = Span(epochs=6, steps_per_epoch=10)


def torch_factors(make: Callable[[torch.optim.Optimizer], reference.LRScheduler]) -> list[float]:
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make(optimiser)
    factors = []
    for _ in range(SPAN.epochs * SPAN.steps_per_epoch):
        factors.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return factors


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (StepConfig(every=7, gamma=0.5), lambda o: reference.StepLR(o, 7, 0.5)),
        (ExponentialConfig(gamma=0.97), lambda o: reference.ExponentialLR(o, 0.97)),
        (
            CosineConfig(period=25, floor=0.1),
            lambda o: reference.CosineAnnealingLR(o, 25, eta_min=0.1),
        ),
        (CosineConfig(), lambda o: reference.CosineAnnealingLR(o, 60)),
        (
            WarmRestartsConfig(period=8, growth=2, floor=0.5),
            lambda o: reference.CosineAnnealingWarmRestarts(o, 8, 2, eta_min=0.5),
        ),
        (
            OneCycleConfig(),
            lambda o: reference.OneCycleLR(o, 1.0, total_steps=60, cycle_momentum=False),
        ),
    ],
)
def test_equal_to_torch(
    ours: ScheduleConfig, theirs: Callable[[torch.optim.Optimizer], reference.LRScheduler]
) -> None:
    factors = [ours.factor(step, SPAN) for step in range(60)]
    assert factors == pytest.approx(torch_factors(theirs), abs=1e-6)


@pytest.mark.parametrize(
    "scores",
    [
        [0.1, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.3, 0.3, 0.3, 0.3],
        [0.5, 0.50001, 0.50002, 0.50003, 0.6, 0.1, 0.1, 0.1, 0.1],
    ],
)
def test_plateau_equals_torch(scores: Sequence[float]) -> None:
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = reference.ReduceLROnPlateau(
        optimiser, mode="max", factor=0.8, patience=2, threshold=0.001
    )
    ours = PlateauConfig(gamma=0.8, patience=2)
    for epoch, score in enumerate(scores, start=1):
        theirs.step(score)
        factor = ours.factor(epoch * 10, SPAN, scores[:epoch])
        assert factor == pytest.approx(optimiser.param_groups[0]["lr"])


def test_warmup_rises_from_above_zero_and_then_the_schedule_begins() -> None:
    schedule = CosineConfig(warmup=4)
    factors = [schedule.factor(step, SPAN) for step in range(60)]
    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert factors[4:] == pytest.approx([(1 + math.cos(math.pi * t / 56)) / 2 for t in range(56)])


def test_unit_epoch_changes_once_an_epoch() -> None:
    schedule = StepConfig(unit="epoch", every=2, gamma=0.1, warmup=1)
    factors = [schedule.factor(step, SPAN) for step in range(0, 60, 10)]
    assert factors == pytest.approx([0.5, 1, 1, 0.1, 0.1, 0.01])
    assert len({schedule.factor(step, SPAN) for step in range(10, 20)}) == 1


def test_constant_is_one() -> None:
    assert [ConstantConfig().factor(step, SPAN) for step in (0, 59)] == [1.0, 1.0]


def test_one_cycle_refuses_a_second_warmup() -> None:
    with pytest.raises(ValidationError, match="rise"):
        TypeAdapter(ScheduleConfig).validate_python({"kind": "one-cycle", "warmup": 3})
