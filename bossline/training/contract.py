"""What the training loop asks of a lesson and of settings. The loop names no task and no recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy.typing as npt
from torch import Tensor, nn

from bossline.core.errors import UserError
from bossline.evaluation.scores import Metric
from bossline.training.averaging import AveragingConfig
from bossline.training.optimisers import OptimiserConfig
from bossline.training.schedules import ScheduleConfig


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


class Settings(Protocol):
    """How long and by which means a model is trained: a recipe, as far as the loop asks."""

    @property
    def epochs(self) -> int: ...

    @property
    def seed(self) -> int: ...

    @property
    def optimiser(self) -> OptimiserConfig | None: ...

    @property
    def schedule(self) -> ScheduleConfig: ...

    @property
    def averaging(self) -> AveragingConfig | None: ...

    @property
    def clip(self) -> float | None:
        """The largest L2 norm of all gradients together."""

    @property
    def patience(self) -> int | None:
        """Epochs without a better validation score that are waited for."""

    @property
    def keep(self) -> Literal["best", "last"]:
        """Whose weights are kept: of the epoch that validates best, or of the last."""

    @property
    def keep_every(self) -> int | None:
        """Steps after which the weights are kept once more, beside all others."""


class Keeper(Protocol):
    """Where a training keeps what it makes: a run, as far as the loop asks.

    Attributes:
        path: its folder.
        checkpoint: file of the newest checkpoint.
    """

    path: Path

    @property
    def checkpoint(self) -> Path: ...

    def read(self, name: str) -> bytes:
        """A file's content; FileNotFoundError, or a UserError where it is damaged."""

    def write(self, name: str, content: bytes) -> None:
        """Replace a file as a whole."""

    def tensors(self, name: str) -> dict[str, npt.NDArray[Any]] | None:
        """The arrays of a file; None where it is not there."""

    def damaged(self, name: str, why: str) -> UserError:
        """The error of a file that cannot be used, with what to do about it."""

    def begin_again(self) -> None:
        """Forget that the training ended once, where it did: its records change from here on."""

    def end_training(
        self,
        seconds: float,
        rate: float | None,
        best_epoch: int | None = None,
        metrics_sha256: str | None = None,
    ) -> None:
        """Keep how long it took, how many frames, images or the like a second, the best epoch,
        and the checksum of the records, where there are epochs and records."""


class LessonLike(Protocol):
    """What is taught: batches, their loss, and how far the model has come.

    Attributes:
        unit: what is counted, "frames" or "images", say.
        metric: what a score is.
    """

    @property
    def unit(self) -> str: ...

    @property
    def metric(self) -> Metric: ...

    @property
    def steps_per_epoch(self) -> int: ...

    def count(self, split: str) -> int:
        """What is scored of a split."""

    def once(self) -> Iterator[tuple[Any, Tensor]]:
        """The training split once, for a model that is fitted: inputs and their targets (n,)."""

    def batch(self, epoch: int, step: int) -> Any:
        """One batch; a pure function of its arguments and the settings' seed."""

    def loss(self, model: nn.Module, batch: Any) -> StepLoss: ...

    def counted(self, batch: Any) -> int:
        """How much of what is scored a batch holds, from the host's own knowledge."""

    def validate(self, model: nn.Module) -> Validation: ...

    def gain(self, validation: Validation) -> float:
        """By which the best epoch is chosen; higher is better."""
