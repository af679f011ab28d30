"""bossline's own training steps, as its loop takes them, for timing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from torch import nn

from bossline.tasks.lesson import Lesson
from bossline.training.optimisers import Stepper
from bossline.training.tally import Tally


def positions(task: Lesson[Any]) -> Iterator[tuple[int, int]]:
    """(epoch, step) without end."""
    for epoch in count():
        yield from ((epoch, step) for step in range(task.steps_per_epoch))


def batches_alone(task: Lesson[Any], steps: int) -> Callable[[], None]:
    """A way for `interleaved`: so many batches, and nothing done with them."""
    at = positions(task)

    def way() -> None:
        for _ in range(steps):
            task.batch(*next(at))

    return way


def train_steps(
    task: Lesson[Any],
    model: nn.Module,
    optimiser: Stepper,
    at: Iterator[tuple[int, int]],
    steps: int,
) -> float:
    """Train some steps; returns the accuracy over them, read once."""
    tally = Tally(task.runtime.device, steps, task.metric)
    for _ in range(steps):
        loss = task.loss(model, task.batch(*next(at)))
        optimiser.zero_grad(set_to_none=True)
        loss.mean.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        tally.add(loss)
    return tally.read_recent()["accuracy"]
