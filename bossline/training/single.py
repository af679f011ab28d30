"""One step outside of a training: to time it, or to see what a rate does."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from bossline.training.contract import LessonLike
from bossline.training.optimisers import Stepper


def single_step(
    lesson: LessonLike, model: nn.Module, optimiser: Stepper, batch: Any, clip: float | None
) -> Tensor:
    """The loop's step of one process without averages; the mean loss () before it, detached."""
    mean = lesson.loss(model, batch).mean
    optimiser.zero_grad(set_to_none=True)
    mean.backward()  # type: ignore[no-untyped-call]
    if clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimiser.step()
    return mean.detach()
