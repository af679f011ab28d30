"""What an optimiser carries from step to step, put back only where it fits its parameters."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from bossline.training.optimisers import Stepper, Together

# Not what is learnt but how: the schedule sets a rate before each step, and graphs can hold it.
_MEANS = {"lr", "capturable"}


def restore_optimiser(optimiser: Stepper, state: Any) -> None:
    """Put a state back that `state_dict` gave of an optimiser of the same recipe.

    Raises:
        ValueError: it does not fit; says where.
    """
    if isinstance(optimiser, Optimizer):
        _restore(optimiser, state)
        return
    assert isinstance(optimiser, Together)
    states = state.get("members") if isinstance(state, dict) else None
    if not isinstance(states, list) or len(states) != len(optimiser.members):
        raise ValueError(f"expected the states of {len(optimiser.members)} optimisers")
    for member, own in zip(optimiser.members, states, strict=True):
        _restore(member, own)


def _restore(optimiser: Optimizer, state: Any) -> None:
    if not isinstance(state, dict) or not isinstance(state.get("state"), dict):
        raise ValueError("expected param_groups and state")
    own = optimiser.state_dict()["param_groups"]
    groups = state.get("param_groups")
    if not isinstance(groups, list) or len(groups) != len(own):
        found = len(groups) if isinstance(groups, list) else type(groups).__name__
        raise ValueError(f"expected {len(own)} param_groups, found {found}")
    for ours, theirs in zip(own, groups, strict=True):
        if not isinstance(theirs, dict):
            raise ValueError("a param_group is no dict")
        for key in ours.keys() - _MEANS:
            # What another version of torch has not heard of takes its default.
            if key in theirs and not _equal(theirs[key], ours[key]):
                raise ValueError(f"{key} is {theirs[key]!r}, expected {ours[key]!r}")
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    expected = _slots(optimiser, parameters)
    for index, slots in state["state"].items():
        if type(index) is not int or not 0 <= index < len(parameters):
            raise ValueError(f"a state of parameter {index!r} of {len(parameters)}")
        _check(index, slots, expected[index])
    merged = [
        {**ours, **theirs, **{key: ours[key] for key in ours.keys() & _MEANS}}
        for ours, theirs in zip(own, groups, strict=True)
    ]
    optimiser.load_state_dict({"state": state["state"], "param_groups": merged})


def _equal(one: Any, other: Any) -> bool:
    """Of what param_groups hold: numbers, and lists or tuples of them."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return list(one) == list(other)
    return type(one) is type(other) and bool(one == other)


def _check(index: int, slots: Any, expected: dict[str, tuple[int, ...] | None]) -> None:
    if not isinstance(slots, dict) or slots.keys() != expected.keys():
        names = ", ".join(map(str, slots)) if isinstance(slots, dict) else type(slots).__name__
        raise ValueError(f"parameter {index} has {names}, expected {', '.join(expected)}")
    for name, shape in expected.items():
        found = tuple(slots[name].shape) if isinstance(slots[name], Tensor) else None
        if found != shape:
            raise ValueError(f"{name} of parameter {index} has shape {found}, expected {shape}")


def _slots(
    optimiser: Optimizer, parameters: list[Tensor]
) -> list[dict[str, tuple[int, ...] | None]]:
    """What a step leaves for each parameter, by name its shape; None of what is no tensor.

    Learnt from a copy of the optimiser that takes one step with parameters of a single value.
    """
    small: dict[int, Any] = {}
    ones: list[Tensor] = []
    for parameter in parameters:
        one = torch.nn.Parameter(torch.zeros([1] * parameter.dim(), device=parameter.device))
        one.grad = torch.zeros_like(one)
        ones.append(one)
        small[id(parameter)] = one
        for slot in optimiser.state.get(parameter, {}).values():
            if isinstance(slot, Tensor) and slot.shape == parameter.shape:
                small[id(slot)] = torch.zeros_like(one)
    probe = copy.deepcopy(optimiser, small)
    probe.step()
    return [
        {
            name: None
            if not isinstance(slot, Tensor)
            else tuple(parameter.shape if slot.shape == one.shape else slot.shape)
            for name, slot in probe.state[one].items()
        }
        for parameter, one in zip(parameters, ones, strict=True)
    ]
