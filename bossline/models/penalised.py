"""What a model is whose loss has a penalty on its own weights."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Penalised(Protocol):
    """A penalty in the loss, not in the optimiser: then every optimiser has the same optimum."""

    def penalty(self, count: int) -> Tensor:
        """What is added to the mean loss.

        Args:
            count: what the training split counts.
        """
