"""What the config of every model says: which batches it takes, and how it is built."""

from __future__ import annotations

from abc import abstractmethod
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
