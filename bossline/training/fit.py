"""Training of models in closed form: one pass, no gradient."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from torch import Tensor

from bossline.models.closed_form.base import ClosedForm
from bossline.progress import bar
from bossline.tasks.base import ClassificationTask
from bossline.training.checkpoint import save_weights
from bossline.training.run import Run
from bossline.training.signals import Interrupted, stop_on_signal


def fit(run: Run, task: ClassificationTask, console: Console) -> None:
    """Fit a run's model and keep its weights. A fit that was stopped begins anew.

    Raises:
        Interrupted: Ctrl-C or SIGTERM.
        UserError: the data do not determine the weights.
    """
    began = time.perf_counter()
    model = task.build_model()
    assert isinstance(model, ClosedForm)
    count = len(task.training)
    with stop_on_signal() as stop, bar(console, task.unit, count) as shown:

        def watched() -> Iterator[tuple[Any, Tensor]]:
            for inputs, labels in task.once():
                yield inputs, labels
                shown.advance(len(labels))
                if stop:
                    raise Interrupted(
                        "stopped while fitting; begin again with: "
                        f"bossline train --resume {run.path}"
                    )

        model.fit(watched())
    save_weights(run.best_weights, model)
    seconds = time.perf_counter() - began
    run.update(seconds=round(seconds, 1), per_second=round(count / seconds))
