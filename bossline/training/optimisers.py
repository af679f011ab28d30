"""Which parameters an optimiser steps, which of them decay; several optimisers that step as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, Protocol

import torch
from pydantic import Field
from torch import nn
from torch.nn import Parameter
from torch.optim import Optimizer

from bossline.core.config import Config
from bossline.models.layers import OutputLayer
from bossline.training.muon import Muon


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


# Which parameters are which.


Groups = list[dict[str, Any]]
"""What torch's optimisers take: parameters, and settings of theirs alone."""


def learnt(model: nn.Module) -> list[Parameter]:
    """Those that want a gradient, in the model's order."""
    return [p for p in model.parameters() if p.requires_grad]


def decaying(parameters: Iterable[Parameter], weight_decay: float) -> Groups:
    """Decay for weights alone, not for vectors: biases, gains of norms, scales of channels.

    Those are few and hardly overfit, and held near zero they keep a layer from fitting at all
    (Goodfellow et al. 2016, "Deep Learning", section 7.1; "no bias decay" of He et al. 2019,
    arXiv 1812.01187). Without decay all are one group.
    """
    given = list(parameters)
    weights = [p for p in given if p.dim() > 1]
    vectors = [p for p in given if p.dim() <= 1]
    parts = [(weights, weight_decay), (vectors, 0.0)] if weight_decay else [(given, 0.0)]
    return [{"params": part, "weight_decay": decay} for part, decay in parts if part]


def hidden_matrices(model: nn.Module) -> list[Parameter]:
    """Weights of linear and recurrent layers, in the model's order, but of no output layer."""
    return [
        parameter
        for layer in model.modules()
        if isinstance(layer, nn.Linear | nn.RNNBase) and not isinstance(layer, OutputLayer)
        for parameter in layer.parameters(recurse=False)
        if parameter.dim() == 2 and parameter.requires_grad
    ]


# Optimisers as typed data; each config builds its torch optimiser.


class _Base(Config):
    lr: float = Field(gt=0, description="peak learning rate; the schedule multiplies it")
    weight_decay: float = Field(
        0.0, ge=0, description="of weights, not of biases and what else is a vector"
    )


class SgdConfig(_Base):
    """Stochastic gradient descent with momentum."""

    kind: Literal["sgd"] = "sgd"
    momentum: float = Field(0.9, ge=0, lt=1, description="share of the last step in the next")
    nesterov: bool = Field(False, description="look ahead by the momentum (Sutskever et al. 2013)")

    def build(self, model: nn.Module) -> Optimizer:
        return torch.optim.SGD(
            decaying(learnt(model), self.weight_decay),
            lr=self.lr,
            momentum=self.momentum,
            nesterov=self.nesterov,
            fused=True,
        )


class AdagradConfig(_Base):
    """Duchi 2011."""

    kind: Literal["adagrad"] = "adagrad"

    def build(self, model: nn.Module) -> Optimizer:
        return torch.optim.Adagrad(decaying(learnt(model), self.weight_decay), lr=self.lr)


class RmspropConfig(_Base):
    """Hinton 2012, lecture 6e."""

    kind: Literal["rmsprop"] = "rmsprop"
    alpha: float = Field(0.99, gt=0, lt=1, description="memory of the squared gradients")
    momentum: float = Field(0.0, ge=0, lt=1, description="share of the last step in the next")

    def build(self, model: nn.Module) -> Optimizer:
        return torch.optim.RMSprop(
            decaying(learnt(model), self.weight_decay),
            lr=self.lr,
            alpha=self.alpha,
            momentum=self.momentum,
        )


class _Adam(_Base):
    beta1: float = Field(0.9, ge=0, lt=1, description="memory of the gradients")
    beta2: float = Field(0.999, ge=0, lt=1, description="memory of their squares")


class AdamConfig(_Adam):
    """Adam (arXiv 1412.6980); weight decay is an L2 penalty on the loss."""

    kind: Literal["adam"] = "adam"

    def build(self, model: nn.Module) -> Optimizer:
        return torch.optim.Adam(
            decaying(learnt(model), self.weight_decay),
            lr=self.lr,
            betas=(self.beta1, self.beta2),
            fused=True,
        )


class AdamWConfig(_Adam):
    """Adam with decoupled weight decay (arXiv 1711.05101)."""

    kind: Literal["adamw"] = "adamw"

    def build(self, model: nn.Module) -> Optimizer:
        return torch.optim.AdamW(
            decaying(learnt(model), self.weight_decay),
            lr=self.lr,
            betas=(self.beta1, self.beta2),
            fused=True,
        )


class MuonConfig(_Adam):
    """Muon (Jordan et al. 2024) for hidden matrices, AdamW for output layers and what is no matrix.

    A matrix steps along its momentum made orthogonal: all directions equally far. The step has the
    size that one of AdamW's has (Liu et al. 2025, arXiv 2502.16982), so one rate serves both.
    An output layer is AdamW's, as both say, and so would an embedding be;
    what reads frames is none, since all numbers of a frame are there at once.
    """

    kind: Literal["muon"] = "muon"
    momentum: float = Field(0.95, ge=0, lt=1, description="of the matrices")

    def build(self, model: nn.Module) -> Stepper:
        matrices = hidden_matrices(model)
        taken = set(map(id, matrices))
        others = [p for p in learnt(model) if id(p) not in taken]
        members: list[Optimizer] = []
        if matrices:
            members.append(
                Muon(
                    matrices,
                    lr=self.lr,
                    weight_decay=self.weight_decay,
                    momentum=self.momentum,
                )
            )
        if others:
            members.append(
                torch.optim.AdamW(
                    decaying(others, self.weight_decay),
                    lr=self.lr,
                    betas=(self.beta1, self.beta2),
                    fused=True,
                )
            )
        return Together(members)


OptimiserConfig = Annotated[
    SgdConfig | AdagradConfig | RmspropConfig | AdamConfig | AdamWConfig | MuonConfig,
    Field(discriminator="kind"),
]
