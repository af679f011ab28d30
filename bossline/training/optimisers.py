"""Several optimisers that step as one, each over its own parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, Protocol

import torch
from pydantic import Field
from torch.nn import Parameter
from torch.optim import Optimizer

from bossline.core.config import Config


class Stepper(Protocol):
    """What the loop and a checkpoint ask of an optimiser."""

    @property
    def param_groups(self) -> list[dict[str, Any]]: ...

    def zero_grad(self, set_to_none: bool = True) -> None: ...

    def step(self) -> Any: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> None: ...


class Together:
    """A Stepper made of torch's optimisers."""

    def __init__(self, members: Sequence[Optimizer]) -> None:
        self.members = members

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        return [group for member in self.members for group in member.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        for member in self.members:
            member.zero_grad(set_to_none)

    def step(self) -> None:
        for member in self.members:
            member.step()

    def state_dict(self) -> dict[str, Any]:
        return {"members": [member.state_dict() for member in self.members]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for member, state in zip(self.members, state_dict["members"], strict=True):
            member.load_state_dict(state)


# Optimisers as typed data; each config builds its torch optimiser.


Parameters = Iterable[Parameter]


class _Base(Config):
    lr: float = Field(gt=0, description="peak learning rate; the schedule multiplies it")
    weight_decay: float = Field(0.0, ge=0)


class SgdConfig(_Base):
    """Stochastic gradient descent with momentum."""

    kind: Literal["sgd"] = "sgd"
    momentum: float = Field(0.9, ge=0, lt=1)
    nesterov: bool = False

    def build(self, parameters: Parameters) -> Optimizer:
        return torch.optim.SGD(
            parameters,
            lr=self.lr,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
            fused=True,
        )


class AdagradConfig(_Base):
    """Duchi 2011."""

    kind: Literal["adagrad"] = "adagrad"

    def build(self, parameters: Parameters) -> Optimizer:
        return torch.optim.Adagrad(parameters, lr=self.lr, weight_decay=self.weight_decay)


class RmspropConfig(_Base):
    """Hinton 2012, lecture 6e."""

    kind: Literal["rmsprop"] = "rmsprop"
    alpha: float = Field(0.99, gt=0, lt=1)
    momentum: float = Field(0.0, ge=0, lt=1)

    def build(self, parameters: Parameters) -> Optimizer:
        return torch.optim.RMSprop(
            parameters,
            lr=self.lr,
            alpha=self.alpha,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
        )


class _Adam(_Base):
    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.999, ge=0, lt=1)


class AdamConfig(_Adam):
    """Adam (arXiv 1412.6980); weight decay is an L2 penalty on the loss."""

    kind: Literal["adam"] = "adam"

    def build(self, parameters: Parameters) -> Optimizer:
        return torch.optim.Adam(
            parameters,
            lr=self.lr,
            betas=(self.beta1, self.beta2),
            weight_decay=self.weight_decay,
            fused=True,
        )


class AdamWConfig(_Adam):
    """Adam with decoupled weight decay (arXiv 1711.05101)."""

    kind: Literal["adamw"] = "adamw"

    def build(self, parameters: Parameters) -> Optimizer:
        return torch.optim.AdamW(
            parameters,
            lr=self.lr,
            betas=(self.beta1, self.beta2),
            weight_decay=self.weight_decay,
            fused=True,
        )


class MuonConfig(_Adam):
    """Muon (Jordan et al. 2024) for weight matrices, AdamW for whatever is none.

    A matrix steps along its momentum made orthogonal: all directions equally far. The step has the
    size that one of AdamW's has (Liu et al. 2025, arXiv 2502.16982), so one rate serves both.
    """

    kind: Literal["muon"] = "muon"
    momentum: float = Field(0.95, ge=0, lt=1, description="of the matrices")

    def build(self, parameters: Parameters) -> Stepper:
        given = list(parameters)
        matrices = [p for p in given if p.dim() == 2]
        others = [p for p in given if p.dim() != 2]
        members: list[Optimizer] = []
        if matrices:
            members.append(
                torch.optim.Muon(
                    matrices,
                    lr=self.lr,
                    weight_decay=self.weight_decay,
                    momentum=self.momentum,
                    adjust_lr_fn="match_rms_adamw",
                )
            )
        if others:
            members.append(
                torch.optim.AdamW(
                    others,
                    lr=self.lr,
                    betas=(self.beta1, self.beta2),
                    weight_decay=self.weight_decay,
                    fused=True,
                )
            )
        return Together(members)


OptimiserConfig = Annotated[
    SgdConfig | AdagradConfig | RmspropConfig | AdamConfig | AdamWConfig | MuonConfig,
    Field(discriminator="kind"),
]
