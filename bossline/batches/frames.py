"""What a frame task asks of its batches, whether they are windows or whole utterances."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from torch import Tensor


class FrameBatches(Protocol):
    """The frames of some utterances, numbered end to end, as inputs of a model."""

    def __len__(self) -> int:
        """Frames in all."""

    @property
    def description(self) -> str:
        """What a step sees, in a few words."""

    @property
    def steps_per_epoch(self) -> int: ...

    def batch(self, seed: int, epoch: int, step: int) -> tuple[Any, Tensor]:
        """A model's input, and (n,) int64: the numbers of the frames that its outputs belong to.

        A pure function of its arguments; the batches of an epoch cover every frame once.
        """

    def in_order(self) -> Iterator[tuple[Any, Tensor]]:
        """The same for a pass over all frames, in batches that suit evaluation.

        Outputs whose number is -1 belong to context: another batch has a better one.
        """
