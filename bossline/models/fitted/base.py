"""What a model is that takes no gradient steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn


class Fitted(nn.Module, ABC):
    """Its weights follow from the data alone, without learning rate, epochs or chance."""

    @abstractmethod
    def fit(self, data: Iterable[tuple[Any, Tensor]]) -> str:
        """Set the weights.

        Args:
            data: the training split in batches, in any order, each time it is gone through: what
                `forward` takes, and the classes (N,) int64 of what it answers for.

        Returns:
            How it went, in a few words.

        Raises:
            UserError: the data do not determine the weights.
        """
