"""What the training loop asks of a task, and gets from it. The loop names no task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from bossline.evaluation.scores import Metric


@dataclass(frozen=True)
class StepLoss:
    """The loss of one batch; sums over batches of unequal size stay exact through the count."""

    mean: Tensor
    count: int
    score: Tensor  # sum of the task's metric: hits, or squared errors


@dataclass(frozen=True)
class Validation:
    """One pass over the validation split."""

    loss: float
    score: float


class Task(Protocol):
    """A task: all that the loop knows of it.

    Attributes:
        unit: what is counted, "frames" or "utterances", say.
        metric: what a score is.
    """

    @property
    def unit(self) -> str: ...

    @property
    def metric(self) -> Metric: ...

    @property
    def steps_per_epoch(self) -> int: ...

    def batch(self, epoch: int, step: int) -> Any:
        """One batch; a pure function of its arguments and the recipe's seed."""

    def loss(self, model: nn.Module, batch: Any) -> StepLoss: ...

    def validate(self, model: nn.Module) -> Validation: ...

    def gain(self, validation: Validation) -> float:
        """By which the best epoch is chosen; higher is better."""
