"""bossline's own training steps, as its loop takes them, for timing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from torch import nn
from torch.optim import Optimizer

from bossline.tasks.phoneme import PhonemeTask
from bossline.training.tally import Tally


def positions(task: PhonemeTask) -> Iterator[tuple[int, int]]:
    """(epoch, step) without end."""
    for epoch in count():
        yield from ((epoch, step) for step in range(task.steps_per_epoch))


def train_steps(
    task: PhonemeTask,
    model: nn.Module,
    optimiser: Optimizer,
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
