"""Training of models that are fitted: passes over the data, no gradient steps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from torch import Tensor, nn

from bossline.core.progress import Bar, bar
from bossline.models.fitted.base import Fitted
from bossline.training.checkpoint import weights_of
from bossline.training.contents import WEIGHTS
from bossline.training.contract import Keeper, LessonLike
from bossline.training.signals import Interrupted, StopRequest, stop_on_signal


def fit(keeper: Keeper, lesson: LessonLike, model: nn.Module, console: Console) -> None:
    """Fit a model and keep its weights. A fit that was stopped begins anew.

    Raises:
        Interrupted: Ctrl-C or SIGTERM.
        UserError: the data do not determine the weights.
    """
    began = time.perf_counter()
    assert isinstance(model, Fitted)
    go_on = f"begin again with: bossline train --resume {keeper.path}"
    with stop_on_signal(go_on) as stop, bar(console, lesson.unit) as shown:
        passes = _Passes(lesson, stop, go_on, shown)
        account = model.fit(passes)
    keeper.write(WEIGHTS, weights_of(model.state_dict()))
    seconds = time.perf_counter() - began
    keeper.end_training(seconds, round(passes.seen / seconds))
    console.print(f"fitted in {seconds:.1f} s: {account}", highlight=False, markup=False)


@dataclass
class _Passes:
    """The training split, as often as it is gone through; watched on the bar, and stoppable."""

    lesson: LessonLike
    stop: StopRequest
    go_on: str
    shown: Bar
    number: int = 0
    seen: int = 0

    def __iter__(self) -> Iterator[tuple[Any, Tensor]]:
        self.number += 1
        self.shown.set(f"pass {self.number}", 0, self.lesson.count("train"))
        for inputs, labels in self.lesson.once():
            yield inputs, labels
            self.seen += len(labels)
            self.shown.advance(len(labels))
            if self.stop:
                raise Interrupted(f"stopped while fitting; {self.go_on}")
