"""The scale of activations and gradients, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bossline.studies.diagnosis.objective import Objective


@dataclass(frozen=True)
class Layer:
    """A module with weights of its own: linear, convolution, recurrence, head.

    Attributes:
        name: within the model.
        weights: root mean square of its weights, biases left out.
        gradient: the same of the loss's gradient by them.
        activation: the same of what comes out; None where the model does not call it as a module.
    """

    name: str
    weights: float
    gradient: float
    activation: float | None

    @property
    def relative(self) -> float:
        """Gradient against weights: how fast plain gradient descent would turn the layer."""
        return self.gradient / self.weights if self.weights else float("nan")


def layers(objective: Objective, gradient: Tensor, inputs: Iterable[Any]) -> list[Layer]:
    """All layers of the objective's model, in the order in which it holds them.

    Args:
        gradient: (P,) of the objective.
        inputs: what the model takes, without padding.
    """
    model = objective.model
    sizes = [parameter.numel() for parameter in objective.parameters]
    parts = dict(zip(map(id, objective.parameters), torch.split(gradient, sizes), strict=True))
    weighty = {
        name: own
        for name, module in model.named_modules()
        if (own := [p for p in module.parameters(recurse=False) if p.dim() > 1])
    }
    activations = _activations(model, weighty, inputs)
    return [
        Layer(
            name=name,
            weights=_rms(torch.cat([p.detach().flatten() for p in own])),
            gradient=_rms(torch.cat([parts[id(p)] for p in own])),
            activation=activations.get(name),
        )
        for name, own in weighty.items()
    ]


@torch.no_grad()
def _activations(model: nn.Module, names: Iterable[str], inputs: Iterable[Any]) -> dict[str, float]:
    squares: dict[str, float] = {}
    counts: dict[str, int] = {}
    hooks = []
    for name in names:

        def see(_: nn.Module, __: Any, output: Any, name: str = name) -> None:
            made = output[0] if isinstance(output, tuple) else output  # a recurrence adds its state
            squares[name] = squares.get(name, 0.0) + float(made.square().sum())
            counts[name] = counts.get(name, 0) + made.numel()

        hooks.append(model.get_submodule(name).register_forward_hook(see))
    try:
        for one in inputs:
            model(one)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: (total / counts[name]) ** 0.5 for name, total in squares.items()}


def _rms(values: Tensor) -> float:
    return float(values.square().mean().sqrt())
