"""Schedules against torch's own schedulers, step by step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from torch.optim import lr_scheduler as reference

from bossline.training.schedules import (
    ConstantConfig,
    CosineConfig,
    CyclicConfig,
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


def cyclic(
    up: int,
    floor: float,
    down: int | None = None,
    mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
    gamma: float = 1.0,
) -> Callable[[torch.optim.Optimizer], reference.LRScheduler]:
    return lambda optimiser: reference.CyclicLR(
        optimiser,
        floor,
        1.0,
        up,
        down,
        mode=mode,
        gamma=gamma,
        cycle_momentum=False,
    )


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
        (CyclicConfig(rise=7, floor=0.2), cyclic(7, 0.2)),
        (
            CyclicConfig(rise=4, fall=9, mode="triangular2"),
            cyclic(4, 0.1, down=9, mode="triangular2"),
        ),
        (
            CyclicConfig(rise=5, fall=2, floor=0, mode="exp-range", gamma=0.95),
            cyclic(5, 0.0, down=2, mode="exp_range", gamma=0.95),
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


def torch_plateau(schedule: PlateauConfig, figures: Sequence[float], mode: str) -> list[float]:
    """The factor after each epoch."""
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = reference.ReduceLROnPlateau(
        optimiser,
        mode=mode,  # type: ignore[arg-type]
        factor=schedule.gamma,
        patience=schedule.patience,
        threshold=schedule.threshold,
        threshold_mode={"relative": "rel", "absolute": "abs"}[schedule.threshold_mode],  # type: ignore[arg-type]
        cooldown=schedule.cooldown,
        min_lr=schedule.floor,
        eps=0,
    )
    factors = []
    for figure in figures:
        theirs.step(figure)
        factors.append(optimiser.param_groups[0]["lr"])
    return factors


def our_plateau(schedule: PlateauConfig, scores: Sequence[float]) -> list[float]:
    return [schedule.factor(e * 10, SPAN, scores[:e]) for e in range(1, len(scores) + 1)]


plateaus = st.builds(
    PlateauConfig,
    gamma=st.sampled_from([0.1, 0.5, 0.8]),
    patience=st.integers(0, 5),
    threshold=st.sampled_from([0.0, 1e-4, 1e-3, 0.1, 0.5]),
    threshold_mode=st.sampled_from(["relative", "absolute"]),
    cooldown=st.integers(0, 4),
    floor=st.sampled_from([0.0, 0.005, 0.3]),
)
# Few values and their neighbours make series that stand still, and all but stand still.
figures = st.lists(
    st.sampled_from([0.2, 0.5, 0.50001, 0.5005, 0.5006, 0.6, 1.0, 1.0009, 1.0011])
    | st.floats(1e-6, 1e3),
    min_size=1,
    max_size=30,
)


@given(schedule=plateaus, scores=figures)
def test_plateau_of_scores_is_that_of_torch(
    schedule: PlateauConfig, scores: Sequence[float]
) -> None:
    assert our_plateau(schedule, scores) == torch_plateau(schedule, scores, "max")


@given(schedule=plateaus, losses=figures)
def test_plateau_of_negative_losses_is_that_of_torch(
    schedule: PlateauConfig, losses: Sequence[float]
) -> None:
    gains = [-loss for loss in losses]
    assert our_plateau(schedule, gains) == torch_plateau(schedule, losses, "min")


def test_a_loss_that_stands_still_is_a_plateau() -> None:
    factors = our_plateau(PlateauConfig(patience=2), [-1.0] * 8)
    assert factors == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01])


def test_warmup_rises_from_above_zero_and_then_the_schedule_begins() -> None:
    schedule = CosineConfig(warmup=4)
    factors = [schedule.factor(step, SPAN) for step in range(60)]
    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert factors[4:] == pytest.approx([(1 + math.cos(math.pi * t / 56)) / 2 for t in range(56)])


def test_a_warmup_from_a_start_of_its_own_is_that_of_torch() -> None:
    schedule = StepConfig(warmup=6, warmup_start=0.25, every=10, gamma=0.5)

    def theirs(optimiser: torch.optim.Optimizer) -> reference.LRScheduler:
        rise = reference.LinearLR(optimiser, start_factor=0.25, total_iters=6)
        return reference.SequentialLR(optimiser, [rise, reference.StepLR(optimiser, 10, 0.5)], [6])

    factors = [schedule.factor(step, SPAN) for step in range(60)]
    assert factors == pytest.approx(torch_factors(theirs), abs=1e-9)


def test_a_start_without_a_warmup_is_refused() -> None:
    with pytest.raises(ValidationError, match="set warmup"):
        CosineConfig(warmup_start=0.1)


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


rises = st.sampled_from([0.1, 0.2, 0.25, 0.3, 1 / 3, 0.5, 0.75, 0.9]) | st.floats(
    0, 1, exclude_min=True, exclude_max=True
)


def epoch_factors(schedule: ScheduleConfig, epochs: int) -> list[float]:
    """Of a schedule whose unit is an epoch."""
    span = Span(epochs, steps_per_epoch=3)
    return [schedule.factor(3 * epoch, span) for epoch in range(epochs)]


@given(rise=rises, epochs=st.integers(2, 40))
def test_one_cycle_of_any_length_is_that_of_torch(rise: float, epochs: int) -> None:
    assume(rise * epochs != 1)  # torch divides by a rise of no length
    assume((1 - rise) * epochs >= 1)  # in less than a step, torch falls all the way
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = reference.OneCycleLR(
        optimiser, 1.0, total_steps=epochs, pct_start=rise, cycle_momentum=False
    )
    expected = []
    for _ in range(epochs):
        expected.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        theirs.step()
    ours = epoch_factors(OneCycleConfig(unit="epoch", rise=rise), epochs)
    assert ours == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("rise", "epochs"), [(0.1, 10), (0.5, 2), (0.25, 4), (0.2, 5)])
def test_a_rise_of_one_epoch_is_the_peak(rise: float, epochs: int) -> None:
    factors = epoch_factors(OneCycleConfig(unit="epoch", rise=rise), epochs)
    fall = [(1 + math.cos(math.pi * epoch / (epochs - 1))) / 2 for epoch in range(epochs)]
    assert factors == pytest.approx(fall, abs=1e-5)


@given(rise=rises, epochs=st.integers(1, 60))
def test_one_cycle_is_highest_at_its_peak(rise: float, epochs: int) -> None:
    factors = epoch_factors(OneCycleConfig(unit="epoch", rise=rise), epochs)
    peak = rise * epochs - 1
    highest = factors.index(max(factors))
    assert abs(highest - max(peak, 0)) < 1
    if peak == highest:
        assert factors[highest] == 1


units = st.sampled_from(["step", "epoch"])
shares = st.floats(0, 1)
factors_up_to_one = st.floats(0, 1, exclude_min=True)
warmups = st.integers(0, 12)
schedules = st.one_of(
    st.builds(ConstantConfig, unit=units, warmup=warmups),
    st.builds(
        StepConfig, unit=units, warmup=warmups, every=st.integers(1, 9), gamma=factors_up_to_one
    ),
    st.builds(ExponentialConfig, unit=units, warmup=warmups, gamma=factors_up_to_one),
    st.builds(
        CosineConfig,
        unit=units,
        warmup=warmups,
        period=st.none() | st.integers(1, 9),
        floor=shares,
    ),
    st.builds(
        WarmRestartsConfig,
        unit=units,
        warmup=warmups,
        period=st.integers(1, 9),
        growth=st.integers(1, 3),
        floor=shares,
    ),
    st.builds(PlateauConfig, unit=units, warmup=warmups, patience=st.integers(0, 3)),
    st.builds(
        CyclicConfig,
        unit=units,
        warmup=warmups,
        rise=st.integers(1, 9),
        fall=st.none() | st.integers(1, 9),
        floor=shares,
        mode=st.sampled_from(["triangular", "triangular2", "exp-range"]),
    ),
    st.builds(OneCycleConfig, unit=units, rise=rises, start=factors_up_to_one, end=shares),
)


@given(
    schedule=schedules,
    epochs=st.integers(1, 12),
    steps=st.integers(1, 12),
    scores=st.lists(st.floats(-1e6, 1e6), max_size=12),
)
def test_every_factor_is_a_share_of_the_peak(
    schedule: ScheduleConfig, epochs: int, steps: int, scores: list[float]
) -> None:
    span = Span(epochs, steps)
    for step in range(epochs * steps):
        factor = schedule.factor(step, span, scores[: step // steps])
        assert 0 <= factor <= 1
