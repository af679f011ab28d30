"""The loss of fixed batches as a function of a model's weights: value, slope, curvature."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf, sqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from bossline.models.attention import SelfAttention
from bossline.models.base import evaluating
from bossline.training.contract import StepLoss

FORWARD, GRADIENT, PRODUCT = 1, 3, 7  # what they cost, about, in forward passes


@contextmanager
def twice_differentiable(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, plain float32, and kernels only whose gradient has a gradient.

    Fused attention has none, on CPU and GPU alike, and neither has cuDNN's recurrence, which in
    evaluation mode has no gradient at all. Plain products and torch's own recurrence do, as do
    linear layers, convolutions and norms as they are.
    """
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with differentiable(model), sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)


MODE = "float32, evaluation mode, no augmentation"
NOT_FUSED = "attention by plain products: the fused kernel has no second derivative"
NO_CUDNN = "recurrence without cuDNN, which has no second derivative"


@contextmanager
def differentiable(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, and kernels only that have a gradient there."""
    enabled = torch.backends.cudnn.enabled and not _has(model, nn.RNNBase)
    with evaluating(model), torch.backends.cudnn.flags(enabled=enabled, allow_tf32=False):
        yield


def kernels(model: nn.Module) -> tuple[str, ...]:
    """What `twice_differentiable` changes for this model, in words."""
    changed = [MODE]
    if _has(model, SelfAttention):
        changed.append(NOT_FUSED)
    if _has(model, nn.RNNBase) and next(model.parameters()).is_cuda:
        changed.append(NO_CUDNN)
    return tuple(changed)


def _has(model: nn.Module, kind: type[nn.Module]) -> bool:
    return any(isinstance(module, kind) for module in model.modules())


@dataclass(frozen=True)
class Slope:
    """Loss and gradient where the weights are.

    Attributes:
        loss: mean, in nats.
        gradient: (P,) of it.
        noise: norm that the gradient would have about by chance, were it zero over all training
            data; from how far the batches disagree. Infinite for a single batch.
    """

    loss: float
    gradient: Tensor
    noise: float

    @property
    def norm(self) -> float:
        return float(self.gradient.norm())


class Objective:
    """The mean loss over some batches, all items with equal weight."""

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[nn.Module, Any], StepLoss],
        batches: Sequence[Any],
        advance: Callable[[float], None] = lambda cost: None,
    ) -> None:
        """
        Args:
            model: its parameters, P numbers in all, are what the objective depends on.
            loss: of one batch.
            batches: at least one.
            advance: is told what each pass over a batch cost, in forward passes of an item.
        """
        self.model, self.batches = model, batches
        self.parameters = tuple(model.parameters())
        self._loss, self._advance = loss, advance

    def loss(self) -> float:
        """In nats."""
        total, count = 0.0, 0
        with torch.no_grad():
            for batch in self.batches:
                found = self._loss(self.model, batch)
                total, count = total + float(found.mean) * found.count, count + found.count
                self._advance(FORWARD * found.count)
        return total / count

    def slope(self) -> Slope:
        """The gradient, and how much of it may be chance."""
        losses, counts, squares = [], [], []
        total = self._zeros()
        for batch in self.batches:
            found = self._loss(self.model, batch)
            part = self._flat(torch.autograd.grad(found.mean, self.parameters, allow_unused=True))
            total.add_(part, alpha=found.count)
            losses.append(float(found.mean.detach()))
            counts.append(found.count)
            squares.append(float(part.square().sum()))
            self._advance(GRADIENT * found.count)
        share = torch.tensor(counts, dtype=torch.float64) / sum(counts)
        mean = total / sum(counts)
        spread = float(share @ torch.tensor(squares, dtype=torch.float64) - mean.square().sum())
        repeated = float(share.square().sum())
        lone = len(counts) == 1
        noise = inf if lone else sqrt(max(spread, 0.0) * repeated / (1 - repeated))
        return Slope(float(share @ torch.tensor(losses, dtype=torch.float64)), mean, noise)

    def product(self, vector: Tensor) -> Tensor:
        """(P,) -> (P,): the Hessian times a vector, by differentiating twice (Pearlmutter 1994)."""
        sizes = [parameter.numel() for parameter in self.parameters]
        parts = [
            part.view_as(parameter)
            for part, parameter in zip(torch.split(vector, sizes), self.parameters, strict=True)
        ]
        total, count = self._zeros(), 0
        for batch in self.batches:
            found = self._loss(self.model, batch)
            gradient = torch.autograd.grad(
                found.mean, self.parameters, create_graph=True, materialize_grads=True
            )
            along = torch.stack([(g * v).sum() for g, v in zip(gradient, parts, strict=True)]).sum()
            second = torch.autograd.grad(along, self.parameters, allow_unused=True)
            total.add_(self._flat(second), alpha=found.count)
            count += found.count
            self._advance(PRODUCT * found.count)
        return total / count

    def _zeros(self) -> Tensor:
        first = self.parameters[0]
        return first.new_zeros(sum(parameter.numel() for parameter in self.parameters))

    def _flat(self, parts: Sequence[Tensor | None]) -> Tensor:
        """(P,); what the loss does not depend on has no gradient."""
        return torch.cat(
            [
                parameter.new_zeros(parameter.numel()) if part is None else part.flatten()
                for part, parameter in zip(parts, self.parameters, strict=True)
            ]
        )
