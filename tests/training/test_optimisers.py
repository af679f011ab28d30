"""Each optimiser takes the very steps of torch's own with the same numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter

from bossline.training.optimisers import OptimiserConfig


@pytest.mark.parametrize(
    ("kind", "keys", "reference"),
    [
        ("sgd", {"momentum": 0.8, "nesterov": True}, torch.optim.SGD),
        ("adagrad", {}, torch.optim.Adagrad),
        ("rmsprop", {"alpha": 0.9, "momentum": 0.1}, torch.optim.RMSprop),
        ("adam", {"beta2": 0.98}, torch.optim.Adam),
        ("adamw", {"beta1": 0.8}, torch.optim.AdamW),
    ],
)
def test_same_steps_as_torch(
    kind: str, keys: dict[str, Any], reference: type[torch.optim.Optimizer]
) -> None:
    config: Any = TypeAdapter(OptimiserConfig).validate_python(
        {"kind": kind, "lr": "1e-2", "weight_decay": 0.1, **keys}
    )
    theirs = {"lr": 0.01, "weight_decay": 0.1, **keys}
    if kind.startswith("adam"):
        theirs["betas"] = (theirs.pop("beta1", 0.9), theirs.pop("beta2", 0.999))
    start = torch.linspace(-1, 1, 7)
    ours_at, theirs_at = (torch.nn.Parameter(start.clone()) for _ in range(2))
    steppers = [config.build([ours_at]), reference([theirs_at], **theirs)]
    for _ in range(5):
        for at, stepper in zip((ours_at, theirs_at), steppers, strict=True):
            stepper.zero_grad()
            (at**2).sum().backward()  # type: ignore[no-untyped-call]
            stepper.step()
    torch.testing.assert_close(ours_at, theirs_at)
