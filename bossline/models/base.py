"""What every model has: a config that says what it reads and how it is built, and modes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from torch import nn

from bossline.core.config import Config


class ModelConfig(Config):
    """A kind of model, as a recipe has it.

    Attributes:
        takes: kind of the batches that it reads.
        fitted: whether it is fitted in passes over the data, without gradient steps.
    """

    takes: ClassVar[str]
    fitted: ClassVar[bool] = False

    kind: str

    @abstractmethod
    def build(self, inputs: int, outputs: int, /, *more: Any) -> nn.Module:
        """The model with fresh weights.

        Args:
            inputs: numbers that it gets for a frame, row or pixel, see `BatchConfig.inputs`.
            outputs: classes, or 1 where it answers with a value.
            more: what a task tells its own models besides.
        """


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode while the block works; then the model trains on.

    One that is in that mode for good is not touched at all, so that threads may share it: a mode is
    set layer by layer, and another thread would answer with some of them in training.
    """
    if not model.training:
        yield
        return
    model.eval()
    try:
        yield
    finally:
        model.train()
