"""What a model is made of: its layers, their parameters, and how much of an input each sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.models.base import evaluating

SEEN = (
    192  # frames of the utterance, or at most so many rows of the image, that layers are tried on
)


@dataclass(frozen=True)
class Layer:
    """A layer that has parameters of its own.

    Attributes:
        name: its path in the model.
        kind: name of its class.
        shapes: of each parameter, by name.
        parameters: how many numbers these are.
        field: frames, or rows of pixels, that one of its outputs depends on; SEEN where it is so
            many or more; None where that is no question: of rows, of windows, or after pooling.
    """

    name: str
    kind: str
    shapes: dict[str, tuple[int, ...]]
    parameters: int
    field: int | None


def layers_of(model: nn.Module, fields: dict[str, int]) -> list[Layer]:
    """A model's layers in the order of their definition; a shared parameter counts once.

    Args:
        fields: what `receptive_fields` found.
    """
    layers, counted = [], set[int]()
    for name, module in model.named_modules():
        own = {key: p for key, p in module.named_parameters(recurse=False) if id(p) not in counted}
        if not own:
            continue
        counted |= set(map(id, own.values()))
        shapes = {key: tuple(parameter.shape) for key, parameter in own.items()}
        count = sum(parameter.numel() for parameter in own.values())
        layers.append(Layer(name, type(module).__name__, shapes, count, fields.get(name)))
    return layers


@torch.no_grad()
def receptive_fields(model: nn.Module, inputs: Tensor | Padded) -> dict[str, int]:
    """How many frames, or rows of pixels, the middle output of each layer depends on.

    Found by trying: NaN at one place of the input spreads to all that depends on it, through any
    layer, whatever its weights.

    Args:
        inputs: one, whose every place is tried: (1, T, D) frames, or an image (1, 3, H, W).

    Returns:
        By name of the layer; those that see all have the input's whole length.
    """
    length = inputs.padding.steps if isinstance(inputs, Padded) else inputs.shape[2]
    if isinstance(inputs, Padded):
        tried = inputs.frames.repeat(length, 1, 1)
        tried[torch.arange(length), torch.arange(length)] = float("nan")
        given: Any = Padded.of(tried, inputs.padding.known.repeat(length))
    else:
        given = inputs.repeat(length, 1, 1, 1)
        given[torch.arange(length), :, torch.arange(length)] = float("nan")
    with _watched(model, length) as fields:
        model(given)
    return fields


@contextmanager
def _watched(model: nn.Module, length: int) -> Iterator[dict[str, int]]:
    fields: dict[str, int] = {}

    def watch(name: str) -> Any:
        def told(module: nn.Module, inputs: Any, output: Any) -> None:
            found = _field(output, length)
            if found is not None:
                fields[name] = max(found, fields.get(name, 0))

        return told

    hooks = [
        module.register_forward_hook(watch(name))
        for name, module in model.named_modules()
        if any(True for _ in module.parameters(recurse=False))
    ]
    try:
        with evaluating(model):
            yield fields
    finally:
        for hook in hooks:
            hook.remove()


def _field(output: Any, length: int) -> int | None:
    """Of one layer's output; its axis of time is the one along which the least is affected."""
    if isinstance(output, tuple):
        output = output[0]
    if isinstance(output, Padded):
        output = output.frames
    if not isinstance(output, Tensor) or not output.is_floating_point() or output.dim() < 2:
        return None
    if output.shape[0] != length:  # of items end to end
        if output.shape[0] % length:
            return None
        output = output.view(length, -1, *output.shape[1:])
    affected = output.isnan()
    spans = []
    for axis in range(1, output.dim()):
        if output.shape[axis] > 1:
            middle = affected.select(axis, output.shape[axis] // 2).reshape(length, -1).any(1)
            places = middle.nonzero()
            if len(places):
                first, last = int(places[0]), int(places[-1])
                whole = first == 0 or last == length - 1  # who knows how far it would reach
                spans.append(length if whole else last - first + 1)
    return min(spans, default=None)
