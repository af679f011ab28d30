"""What a recipe says of its batches, and what a task asks of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor

from bossline.core.config import Config
from bossline.core.ranks import WHOLE, Part


class BatchConfig(Config):
    """A kind of batches; `open`, which each kind has, makes batches of some items."""

    kind: str
    size: int
    size_on_cuda: int | None = Field(
        None,
        ge=2,
        description="in place of size where a GPU trains, which waits for launches in small "
        "batches; the learning rate may have to follow",
    )

    def on(self, device: torch.device) -> Self:
        """As it is on a device."""
        if device.type != "cuda" or self.size_on_cuda is None:
            return self
        return self.model_copy(update={"size": self.size_on_cuda})

    def inputs(self, dim: int) -> int:
        """Numbers that a model gets for a frame, row or pixel of `dim` numbers."""
        return dim


class Steps(Protocol):
    """Some items as inputs of a model; what is answered is numbered, items end to end."""

    def __len__(self) -> int:
        """What the task scores: frames, utterances, images or rows."""

    @property
    def description(self) -> str:
        """What a step sees, in a few words."""

    @property
    def steps_per_epoch(self) -> int: ...

    def batch(self, seed: int, epoch: int, step: int, part: Part = WHOLE) -> tuple[Any, Tensor]:
        """A model's input, and (n,) int64: the indices that its outputs belong to.

        A pure function of its arguments.

        Args:
            part: which rows, where several processes share the batch.
        """


class Batches(Steps, Protocol):
    """A model answers once for each index that comes with an input."""

    def in_order(self) -> Iterator[tuple[Any, Tensor]]:
        """The same for a pass over everything, in batches that suit evaluation."""


class FrameBatches(Steps, Protocol):
    """A model answers for frames, some of which may be there as context alone."""

    utterance_lengths: npt.NDArray[np.int64]

    def in_order(self) -> Iterator[tuple[Any, Tensor, Tensor]]:
        """A pass over all frames once, in batches that suit evaluation.

        Yields:
            A model's input, the indices (n,) int64 of frames, and (n,) int64 which of the model's
            outputs are theirs. Other outputs belong to context: another batch has better ones.
        """
