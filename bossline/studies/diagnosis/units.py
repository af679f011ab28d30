"""Dead units: what an activation never lets through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from bossline.batches.padded import Padded

SILENT = 1e-6  # of magnitude at most: GELU and SiLU only come near to zero
_RECTIFIERS = {torch.relu, functional.relu, Tensor.relu, functional.gelu, functional.silu}


@dataclass(frozen=True)
class Rectified:
    """The units behind one activation of the ReLU kind.

    Attributes:
        layer: name of the module that it is, or stands in.
        units: in all.
        dead: of them, silent on every frame that was seen.
    """

    layer: str
    units: int
    dead: int

    @property
    def share(self) -> float:
        return self.dead / self.units


@torch.no_grad()
def rectified_units(model: nn.Module, inputs: Iterable[Any]) -> list[Rectified]:
    """Dead units behind every ReLU, GELU and SiLU of a model, in the order of its forward pass.

    Args:
        inputs: what the model takes, without padding: behind it a dead unit would seem alive.
    """
    alive: dict[str, Tensor] = {}
    with _watched(model, alive):
        for one in inputs:
            model(one)
    return [Rectified(layer, len(units), int((~units).sum())) for layer, units in alive.items()]


def without_padding(inputs: Any) -> Iterator[Any]:
    """A model's input, padded utterances parted by length so that none of them is padded."""
    if not isinstance(inputs, Padded):
        yield inputs
        return
    known = inputs.padding.known
    for length in sorted(set(known.tolist())):
        same = known == length
        yield Padded.of(inputs.frames[same, :length], known[same])


class _Watch(TorchFunctionMode):
    """Sees activations wherever they are called, as modules or as functions within one."""

    def __init__(self, alive: dict[str, Tensor]) -> None:
        super().__init__()
        self.alive = alive
        self.within: list[str] = []
        self.calls: Counter[str] = Counter()

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in _RECTIFIERS:
            self._see(result)
        return result

    def _see(self, result: Tensor) -> None:
        module = self.within[-1]
        self.calls[module] += 1
        name = module if self.calls[module] == 1 else f"{module} ({self.calls[module]})"
        unit = 1 if result.dim() == 4 else result.dim() - 1  # images: channels first
        heard = (result.abs() > SILENT).transpose(unit, -1).flatten(0, -2).any(0)
        self.alive[name] = self.alive[name] | heard if name in self.alive else heard


@contextmanager
def _watched(model: nn.Module, alive: dict[str, Tensor]) -> Iterator[None]:
    watch = _Watch(alive)
    hooks = []
    for name, module in model.named_modules():

        def enter(_: nn.Module, __: Any, name: str = name) -> None:
            if not name:
                watch.calls.clear()
            watch.within.append(name)

        def leave(_: nn.Module, __: Any, ___: Any) -> None:
            watch.within.pop()

        hooks += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
    try:
        with watch:
            yield
    finally:
        for hook in hooks:
            hook.remove()
