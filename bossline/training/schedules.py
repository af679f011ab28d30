"""Schedules: pure functions of the step (and, for plateau, of the validation scores so far).

A schedule gives the factor that multiplies the optimiser's peak learning rate, or whatever else
changes over a training. Nothing is stored between steps, so nothing has to be restored on resume.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bossline.core.config import Config


@dataclass(frozen=True)
class Span:
    """How long the training is."""

    epochs: int
    steps_per_epoch: int


class _Schedule(Config):
    unit: Literal["step", "epoch"] = Field(
        "step", description="what warmup, every and period count, and how often the rate changes"
    )
    warmup: int = Field(0, ge=0, description="units of linear rise before the schedule begins")
    warmup_start: float | None = Field(
        None,
        gt=0,
        le=1,
        description="factor of the peak rate that the rise begins at; none: 1 / (warmup + 1)",
    )

    @model_validator(mode="after")
    def _rise_has_a_length(self) -> Self:
        if self.warmup_start is not None and not self.warmup:
            raise ValueError("warmup_start is where a warm-up begins: set warmup")
        return self

    def factor(self, step: int, span: Span, scores: Sequence[float] = ()) -> float:
        """The factor for one optimiser step.

        Args:
            step: optimiser steps done before this one.
            span: length of the training.
            scores: validation score of each finished epoch, higher is better.
        """
        by_epoch = self.unit == "epoch"
        time = step // span.steps_per_epoch if by_epoch else step
        length = span.epochs if by_epoch else span.epochs * span.steps_per_epoch
        if time < self.warmup:
            if self.warmup_start is None:
                return (time + 1) / (self.warmup + 1)  # never 0: the first step must do something
            return self.warmup_start + (1 - self.warmup_start) * time / self.warmup
        return self._shape(time - self.warmup, max(length - self.warmup, 1), scores)

    @abstractmethod
    def _shape(self, time: int, length: int, scores: Sequence[float]) -> float:
        """The factor `time` units after the warm-up, of `length` in all."""


class ConstantConfig(_Schedule):
    """The peak rate all along."""

    kind: Literal["constant"] = "constant"

    def _shape(self, time: int, length: int, scores: Sequence[float]) -> float:
        return 1.0


class StepConfig(_Schedule):
    """Multiply by gamma every so many units (torch's StepLR)."""

    kind: Literal["step"] = "step"
    every: int = Field(ge=1, description="units between two falls")
    gamma: float = Field(0.1, gt=0, le=1, description="factor of each fall")

    def _shape(self, time: int, length: int, scores: Sequence[float]) -> float:
        return self.gamma ** (time // self.every)


class ExponentialConfig(_Schedule):
    """Multiply by gamma every unit (torch's ExponentialLR)."""

    kind: Literal["exponential"] = "exponential"
    gamma: float = Field(gt=0, le=1, description="factor of each unit")

    def _shape(self, time: int, length: int, scores: Sequence[float]) -> float:
        return self.gamma**time


class LinearConfig(_Schedule):
    """In a straight line from 1 to floor, which is reached with the last unit."""

    kind: Literal["linear"] = "linear"
    floor: float = Field(0.0, ge=0, le=1, description="lowest factor of the peak rate")

    def _shape(self, time: int, length: int, scores: Sequence[float]) -> float:
        return 1.0 + (self.floor - 1.0) * min(time / max(length - 1, 1), 1.0)


class InverseSigmoidConfig(_Schedule):
    """k / (k + exp(t / k)): flat, then steep, then flat again (Bengio 2015, arXiv 1506.03099)."""

    kind: Literal["inverse-sigmoid"] = "inverse-sigmoid"
    k: float = Field(ge=1, description="units; a half is reached after k log k of them")
    floor: float = Field(0.0, ge=0, le=1, description="lowest factor of the peak rate")

    def _shape(self, time: int, length: int, scores: Sequence[float]) -> float:
        share = 1 / (1 + math.exp(min(time / self.k, 700.0)) / self.k)
        return self.floor + (1 - self.floor) * share


def _cosine(progress: float, start: float, end: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


class CosineConfig(_Schedule):
    """Half a cosine from 1 to floor; past `period` it rises again (torch's CosineAnnealingLR)."""

    kind: Literal["cosine"] = "cosine"
    period: int | None = Field(None, ge=1, description="units down to floor; none: all there are")
    floor: float = Field(0.0, ge=0, le=1, description="lowest factor of the peak rate")

    def _shape(self, time: int, length: int, scores: Sequence[float]) -> float:
        return _cosine(time / (self.period or length), 1.0, self.floor)


class WarmRestartsConfig(_Schedule):
    """Cosine cycles, each `growth` times as long as the last (SGDR, arXiv 1608.03983)."""

    kind: Literal["warm-restarts"] = "warm-restarts"
    period: int = Field(ge=1, description="units of the first cycle")
    growth: int = Field(1, ge=1, description="length of a cycle over that of the last")
    floor: float = Field(0.0, ge=0, le=1, description="lowest factor of the peak rate")

    def _shape(self, time: int, length: int, scores: Sequence[float]) -> float:
        cycle = self.period
        while time >= cycle:
            time -= cycle
            cycle *= self.growth
        return _cosine(time / cycle, 1.0, self.floor)


class CyclicConfig(_Schedule):
    """Up and down in straight lines, again and again (torch's CyclicLR; arXiv 1506.01186)."""

    kind: Literal["cyclic"] = "cyclic"
    rise: int = Field(2000, ge=1, description="units from floor up to the peak")
    fall: int | None = Field(None, ge=1, description="units down again; none: as many")
    floor: float = Field(0.1, ge=0, le=1, description="lowest factor of the peak rate")
    mode: Literal["triangular", "triangular2", "exp-range"] = Field(
        "triangular",
        description="height of the cycles: the same, half of the last one's, or times gamma every "
        "unit",
    )
    gamma: float = Field(1.0, gt=0, le=1, description="of mode exp-range")

    def _shape(self, time: int, length: int, scores: Sequence[float]) -> float:
        fall = self.fall or self.rise
        cycle, within = divmod(time, self.rise + fall)
        height = min(within / self.rise, (self.rise + fall - within) / fall)
        scale = {"triangular": 1.0, "triangular2": 0.5**cycle, "exp-range": self.gamma**time}
        return self.floor + (1 - self.floor) * height * scale[self.mode]


class PlateauConfig(_Schedule):
    """Multiply by gamma when the validation score stands still (torch's ReduceLROnPlateau).

    As in its mode max for scores above 0, as in its mode min for the losses whose negatives they
    are.
    """

    kind: Literal["plateau"] = "plateau"
    gamma: float = Field(0.1, gt=0, lt=1, description="factor of each fall")
    patience: int = Field(10, ge=0, description="epochs without a better score that are tolerated")
    threshold: float = Field(0.001, ge=0, description="gain that counts as better")
    threshold_mode: Literal["relative", "absolute"] = Field(
        "relative", description="whether that gain is a share of the best score, or in its unit"
    )
    cooldown: int = Field(0, ge=0, description="epochs after a fall that are not counted")
    floor: float = Field(0.0, ge=0, le=1, description="lowest factor of the peak rate")

    def _shape(self, time: int, length: int, scores: Sequence[float]) -> float:
        factor, best, waited, cooling = 1.0, -math.inf, 0, 0
        for score in scores:
            if score > self._surpassing(best):
                best, waited = score, 0
            else:
                waited += 1
            if cooling:
                cooling, waited = cooling - 1, 0
            if waited > self.patience:
                factor, waited, cooling = max(factor * self.gamma, self.floor), 0, self.cooldown
        return factor

    def _surpassing(self, best: float) -> float:
        """What a better score exceeds: of a negative one, a loss turned round, the loss falls."""
        if self.threshold_mode == "absolute" or best == -math.inf:
            return best + self.threshold
        return best * (1 + self.threshold if best > 0 else 1 - self.threshold)


class OneCycleConfig(_Schedule):
    """Cosine up from 1/25 over the first part, cosine down to nearly 0 (arXiv 1708.07120)."""

    kind: Literal["one-cycle"] = "one-cycle"
    rise: float = Field(0.3, gt=0, lt=1, description="part of the training with a rising rate")
    start: float = Field(0.04, gt=0, le=1, description="first factor of the peak rate")
    end: float = Field(4e-6, ge=0, le=1, description="last factor of the peak rate")

    @model_validator(mode="after")
    def _rises_by_itself(self) -> OneCycleConfig:
        if self.warmup:
            raise ValueError("one-cycle has its own warm-up: set rise, not warmup")
        return self

    def _shape(self, time: int, length: int, scores: Sequence[float]) -> float:
        peak = self.rise * length - 1
        if 0 < peak >= time:  # at 0 the first unit is the peak itself
            return _cosine(time / peak, self.start, 1.0)
        return _cosine((time - peak) / max(length - 1 - peak, 1), 1.0, self.end)


ScheduleConfig = Annotated[
    ConstantConfig
    | StepConfig
    | ExponentialConfig
    | LinearConfig
    | InverseSigmoidConfig
    | CosineConfig
    | WarmRestartsConfig
    | CyclicConfig
    | PlateauConfig
    | OneCycleConfig,
    Field(discriminator="kind"),
]
