"""What a model is that takes no gradient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn


class ClosedForm(nn.Module, ABC):
    """Fitted in one pass, without learning rate, epochs or chance."""

    @abstractmethod
    def fit(self, batches: Iterable[tuple[Any, Tensor]]) -> None:
        """Set the weights.

        Args:
            batches: the training split once, in any order: what `forward` takes, and the classes
                (N,) int64 of what it answers for.

        Raises:
            UserError: the data do not determine the weights.
        """
