"""Sums of an epoch, kept on the device: the loop reads them now and then, never every step."""

from __future__ import annotations

import math
from typing import Any

import torch

from bossline.core.errors import UserError
from bossline.evaluation.scores import Metric
from bossline.training.contract import StepLoss

HOPELESS = 1e20
"""A loss as large as this is no loss of a training that goes anywhere, though it is a number."""


class Diverged(UserError):
    """The loss, or what follows from it, is NaN, infinite or beyond all that is learnt from."""

    def __init__(self, what: str, step: int, lr: float, value: float = math.nan) -> None:
        became = f"{value:.1g}" if math.isfinite(value) else "NaN or infinite"
        super().__init__(
            f"{what} became {became} at step {step} (learning rate {lr:.3g}); the last good "
            "checkpoint is kept. Try a lower optimiser.lr, clip=1, or a warm-up"
        )


class Tally:
    """Loss and score since the epoch's start, and the losses since the last reading."""

    def __init__(self, device: torch.device, interval: int, metric: Metric) -> None:
        """
        Args:
            device: where the loop computes.
            interval: steps between readings.
            metric: what the score is called.
        """
        self._metric = metric
        self._loss = torch.zeros((), dtype=torch.float64, device=device)
        self._score = torch.zeros((), dtype=torch.float64, device=device)
        self._recent = torch.zeros(interval, device=device)
        self._recent_score = torch.zeros((), dtype=torch.float64, device=device)
        self._count = self._recent_count = self._recent_steps = 0

    def add(self, loss: StepLoss) -> None:
        mean = loss.mean.detach()
        self._loss += mean.double() * loss.count
        self._score += loss.score
        self._recent[self._recent_steps] = mean
        self._recent_score += loss.score
        self._recent_steps += 1
        self._count += loss.count
        self._recent_count += loss.count

    def check(self, step: int, lr: float) -> None:
        """
        Args:
            step: optimiser steps done.
            lr: learning rate of the last one.

        Raises:
            Diverged: a loss since the last reading was NaN or beyond HOPELESS; names its step.
        """
        recent = self._recent[: self._recent_steps]
        sound = (recent.abs() < HOPELESS).tolist()
        if not all(sound):
            first = sound.index(False)
            bad = step - self._recent_steps + first + 1
            raise Diverged("the loss", bad, lr, float(recent[first]))

    def read_recent(self) -> dict[str, float]:
        """Mean loss and score since the last reading; begins the next."""
        steps = max(self._recent_steps, 1)
        recent = {
            "loss": float(self._recent[:steps].double().mean()),
            self._metric.name: float(self._recent_score) / max(self._recent_count, 1),
        }
        self._recent_score.zero_()
        self._recent_steps = self._recent_count = 0
        return recent

    def read_epoch(self) -> dict[str, float]:
        """Exact mean loss and score of the epoch; begins the next."""
        epoch = {
            "train_loss": float(self._loss) / self._count,
            f"train_{self._metric.name}": float(self._score) / self._count,
        }
        self._loss.zero_()
        self._score.zero_()
        self._count = 0
        return epoch

    def state(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {key: value for key, value in vars(self).items() if key != "_metric"}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave.

        Raises:
            ValueError: it is no such thing; names the member.
        """
        own = self.state()
        if own.keys() != state.keys():
            raise ValueError(f"expected {', '.join(own)}, found {', '.join(map(str, state))}")
        for key, value in own.items():
            if _kind(state[key]) != _kind(value):
                raise ValueError(f"{key}: expected {_kind(value)}, found {_kind(state[key])}")
        if not 0 <= state["_recent_steps"] <= len(self._recent):
            raise ValueError(f"_recent_steps: {state['_recent_steps']} of {len(self._recent)}")
        vars(self).update(state)


def _kind(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"{value.dtype} {tuple(value.shape)}"
    return type(value).__name__
