"""A batch in buffers that stay where they are: what a CUDA graph reads, again and again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Any, Self

import torch
from torch import Tensor

from bossline.batches.padded import Padded, Padding

_FEW = 8  # frames; how short the shortest utterance is, is only told apart below this


class Unfit(Exception):
    """What cannot be held in buffers; says why."""


class Known(ABC):
    """A part of a batch of which the host knows more than may be asked in a graph."""

    @abstractmethod
    def tensors(self) -> tuple[Tensor, ...]:
        """What a device has of it."""

    @abstractmethod
    def of(self, tensors: tuple[Tensor, ...]) -> Self:
        """The same of other tensors, of which nothing else is known."""


def shape_of(part: Any) -> Hashable:
    """Equal for batches that the same buffers take, and that models do the same with.

    A model may decide by what a batch knows of its lengths: whether there is padding at all, and
    whether an utterance is too short for it. So batches that differ in this differ in shape.

    Raises:
        Unfit: the batch holds something that is neither tensor, padded utterances, a Known, number
            nor None.
    """
    if isinstance(part, Tensor):
        return tuple(part.shape), part.dtype
    if isinstance(part, Padded):
        return "padded", shape_of(part.frames), _least(part.padding)
    if isinstance(part, Known):
        return type(part).__name__, shape_of(part.tensors())
    if isinstance(part, tuple):
        return tuple(shape_of(one) for one in part)
    if part is None or isinstance(part, float):
        return type(part).__name__
    raise Unfit(f"a batch with a {type(part).__name__} has no fixed shape")


def _least(padding: Padding) -> int:
    shortest = padding.shortest
    assert shortest is not None  # nothing is traced here
    return shortest if shortest == padding.steps else min(shortest, _FEW)


class Buffers:
    """Room for batches of one shape."""

    def __init__(self, batch: Any, device: torch.device) -> None:
        """
        Args:
            batch: of the shape.
            device: where it is.
        """
        self._device = device
        self._held = self._room(batch)

    def _room(self, part: Any) -> Any:
        if isinstance(part, Tensor):
            return torch.empty_like(part)
        if isinstance(part, Padded):
            lengths = torch.empty_like(part.padding.known, device=self._device)
            return torch.empty_like(part.frames), lengths, _least(part.padding)
        if isinstance(part, Known):
            return self._room(part.tensors())
        if isinstance(part, tuple):
            return tuple(self._room(one) for one in part)
        return None if part is None else torch.zeros((), dtype=torch.float64, device=self._device)

    def fill(self, batch: Any) -> None:
        """Put a batch of the same shape in, without waiting for the device."""
        _fill(self._held, batch)

    def batch(self, like: Any) -> Any:
        """What is in, numbers as tensors (); for any batch that may be.

        Made anew each time: what a batch remembers of its lengths must not outlive them.

        Args:
            like: a batch of the shape.
        """
        return _batch(self._held, like)


def _fill(held: Any, part: Any) -> None:
    if isinstance(part, Tensor):
        held.copy_(part, non_blocking=True)
    elif isinstance(part, Padded):
        held[0].copy_(part.frames, non_blocking=True)
        held[1].copy_(part.lengths, non_blocking=True)
    elif isinstance(part, Known):
        _fill(held, part.tensors())
    elif isinstance(part, tuple):
        for room, one in zip(held, part, strict=True):
            _fill(room, one)
    elif part is not None:
        held.fill_(part)


def _batch(held: Any, like: Any) -> Any:
    if isinstance(like, Padded):
        frames, lengths, least = held
        return Padded(frames, Padding(lengths, frames.shape[1], frames.device, least))
    if isinstance(like, Known):
        return like.of(held)
    if isinstance(like, tuple):
        parts = [_batch(room, one) for room, one in zip(held, like, strict=True)]
        return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)
    return held
