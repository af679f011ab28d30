"""Is the gradient that of the loss? Each layer's against finite differences, in float64."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import hypot
from typing import Any

import torch
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.studies.diagnosis.objective import FORWARD, GRADIENT, differentiable
from bossline.studies.diagnosis.surface import moved
from bossline.training.contract import StepLoss

DIRECTIONS = 2  # random ones a layer
WRONG = 1e-2  # a relative error from which a backward is wrong
EXACT = 1e-4  # and under which nothing is to be said; a kink (ReLU, a maximum) may lie between
_DOUBLE = 2  # what a pass in float64 costs, in passes in float32


@dataclass(frozen=True)
class Check:
    """One layer's slopes along random directions of its parameters.

    Attributes:
        layer: name within the model.
        backward: root mean square of the slopes by the gradient.
        differences: the same by finite differences.
        error: norm of what they differ by, against the sum of their norms: 0 to 1.
    """

    layer: str
    backward: float
    differences: float
    error: float


def gradient_checks(
    model: nn.Module,
    loss: Callable[[nn.Module, Any], StepLoss],
    batch: Any,
    seed: int,
    advance: Callable[[float], None] = lambda cost: None,
) -> list[Check]:
    """Central differences (L(w + h d) - L(w - h d)) / 2h against the gradient times d.

    d is a random unit vector among the parameters of one layer, norms and biases included; h is the
    cube root of the rounding error, which makes rounding and curvature about equal. All is done on
    a copy of the model in float64, in evaluation mode, by the kernels that train.

    Args:
        loss: of one batch, without chance.
        batch: what the loss takes.
        seed: of the directions.
        advance: is told what each pass cost, in forward passes of an item.
    """
    double, batch = copy.deepcopy(model).double(), _in_double(batch)
    drawn = torch.Generator().manual_seed(seed)
    with differentiable(double):
        found = loss(double, batch)
        parameters = tuple(double.parameters())
        gradients = torch.autograd.grad(found.mean, parameters, materialize_grads=True)
        advance(_DOUBLE * GRADIENT * found.count)
        of = dict(zip(map(id, parameters), gradients, strict=True))
        rounding = torch.finfo(found.mean.dtype).eps
        step = rounding ** (1 / 3)
        noise = rounding * abs(float(found.mean.detach())) / step
        checks = []
        for name, own in _layers(double).items():
            slopes = []
            for _ in range(DIRECTIONS):
                direction = _unit(own, drawn)
                ahead, behind = (
                    _moved_loss(double, loss, batch, own, direction, by) for by in (step, -step)
                )
                advance(2 * _DOUBLE * FORWARD * found.count)
                told = sum(
                    float((of[id(p)] * d).sum()) for p, d in zip(own, direction, strict=True)
                )
                slopes.append((told, (ahead - behind) / (2 * step)))
            checks.append(_check(name, slopes, noise))
        return checks


def check_cost(model: nn.Module) -> int:
    """Of `gradient_checks`, in forward passes of its batch."""
    return _DOUBLE * (GRADIENT + 2 * DIRECTIONS * FORWARD * len(_layers(model)))


def _check(name: str, slopes: Sequence[tuple[float, float]], noise: float) -> Check:
    """
    Args:
        slopes: by the gradient and by differences.
        noise: what rounding alone makes of a difference.
    """
    backward, differences = (hypot(*each) for each in zip(*slopes, strict=True))
    apart = hypot(*(told - measured for told, measured in slopes))
    # What rounding explains is no error, as in a layer without slope, whose units are all dead.
    error = apart / (backward + differences + 10 * noise / EXACT)
    root = len(slopes) ** 0.5
    return Check(name, backward / root, differences / root, error)


def _layers(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Parameters by the module that they belong to."""
    return {
        name or "model": own
        for name, module in model.named_modules()
        if (own := [p for p in module.parameters(recurse=False) if p.requires_grad])
    }


def _unit(parameters: Sequence[Tensor], generator: torch.Generator) -> list[Tensor]:
    """A random direction of length 1 over several tensors together."""
    drawn = [
        torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p) for p in parameters
    ]
    length = hypot(*(float(d.norm()) for d in drawn))
    return [d / length for d in drawn]


def _moved_loss(
    model: nn.Module,
    loss: Callable[[nn.Module, Any], StepLoss],
    batch: Any,
    parameters: Sequence[nn.Parameter],
    direction: Sequence[Tensor],
    by: float,
) -> float:
    with moved(parameters, [direction], [by]), torch.no_grad():
        return float(loss(model, batch).mean)


def _in_double(part: Any) -> Any:
    """A batch, or a part of one."""
    if isinstance(part, Padded):
        return part.with_frames(part.frames.double())
    if isinstance(part, Tensor):
        return part.double() if part.is_floating_point() else part
    if isinstance(part, tuple):
        parts = map(_in_double, part)
        return type(part)(*parts) if hasattr(part, "_fields") else tuple(parts)
    return part
