"""Muon, all matrices of one shape at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter


class Muon(torch.optim.Muon):
    """torch.optim.Muon, with a fraction of its launches.

    Torch's takes one matrix after the other: of a Conformer some 550 small products, which a GPU
    takes ten times as long to start as to compute. Here those of one shape go through the
    Newton-Schulz iteration together, and all momenta and weights are updated at once. Numbers are
    torch's but for rounding, and so is the state. The size of a step is that of AdamW's (Liu et al.
    2025, arXiv 2502.16982): "match_rms_adamw" of torch.
    """

    def __init__(
        self, params: Iterable[Parameter], *, lr: float, weight_decay: float, momentum: float
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            weight_decay=weight_decay,
            momentum=momentum,
            adjust_lr_fn="match_rms_adamw",
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if not parameters:
                continue
            gradients = [p.grad for p in parameters]
            momenta = [self._momentum(p) for p in parameters]
            torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
            updates = torch._foreach_lerp(gradients, momenta, group["momentum"])  # Nesterov's
            torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
            alike = defaultdict[torch.Size, list[int]](list)
            for place, parameter in enumerate(parameters):
                alike[parameter.shape].append(place)
            for shape, places in alike.items():
                steps = orthogonal(torch.stack([updates[place] for place in places]), group)
                rate = 0.2 * group["lr"] * max(shape) ** 0.5
                own = [parameters[place] for place in places]
                steps = steps.to(own[0].dtype)
                if isinstance(rate, Tensor):  # a graph holds for any rate
                    torch._foreach_sub_(own, list((steps * rate).unbind()))
                else:
                    torch._foreach_add_(own, list(steps.unbind()), alpha=-rate)

    def _momentum(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        momentum: Tensor = state["momentum_buffer"]
        return momentum


def orthogonal(matrices: Tensor, settings: dict[str, Any]) -> Tensor:
    """(N, rows, columns) -> the same in bfloat16: about U V' of each matrix U S V'.

    By the quintic Newton-Schulz iteration of Jordan et al. 2024 ("Muon").

    Args:
        settings: of the optimiser; ns_coefficients, ns_steps, eps.
    """
    a, b, c = settings["ns_coefficients"]
    x = matrices.bfloat16()
    upright = x.shape[1] > x.shape[2]
    if upright:
        x = x.mT
    x = x / torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True).clamp(min=settings["eps"])
    for _ in range(settings["ns_steps"]):
        gram = torch.bmm(x, x.mT)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if upright else x
