"""Each optimiser takes the very steps of torch's own with the same numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter

from bossline.models.layers import OutputLayer
from bossline.training.optimisers import OptimiserConfig


def holding(*weights: torch.Tensor) -> torch.nn.Module:
    """Hidden linear layers without biases, of these weights."""
    layers = torch.nn.Sequential()
    for weight in weights:
        outputs, inputs = weight.shape
        layer = torch.nn.Linear(inputs, outputs, bias=False)
        layer.weight = torch.nn.Parameter(weight.clone())
        layers.append(layer)
    return layers


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
    start = torch.linspace(-1, 1, 7)[:, None]
    ours, theirs_at = holding(start), torch.nn.Parameter(start.clone())
    (ours_at,) = ours.parameters()
    steppers = [config.build(ours), reference([theirs_at], **theirs)]
    for _ in range(5):
        for at, stepper in zip((ours_at, theirs_at), steppers, strict=True):
            stepper.zero_grad()
            (at**2).sum().backward()  # type: ignore[no-untyped-call]
            stepper.step()
    torch.testing.assert_close(ours_at, theirs_at)


def test_muon_steps_hidden_matrices_as_torchs_muon_and_the_rest_as_adamw() -> None:
    torch.manual_seed(0)
    config: Any = TypeAdapter(OptimiserConfig).validate_python(
        {"kind": "muon", "lr": 0.01, "weight_decay": 0.1, "momentum": 0.9, "beta2": 0.98}
    )
    ours = torch.nn.Sequential(
        torch.nn.Linear(4, 6), torch.nn.Conv1d(2, 3, 2, bias=False), OutputLayer(6, 3, bias=False)
    )
    theirs = [torch.nn.Parameter(p.detach().clone()) for p in ours.parameters()]
    matrix, bias, convolution, output = theirs
    decays = {"params": [convolution, output], "weight_decay": 0.1}
    steppers = [
        config.build(ours),
        torch.optim.Muon(
            [matrix], lr=0.01, weight_decay=0.1, momentum=0.9, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(
            [decays, {"params": [bias], "weight_decay": 0.0}], lr=0.01, betas=(0.9, 0.98)
        ),
    ]
    for step in range(4):
        for group in (g for stepper in steppers for g in stepper.param_groups):
            group["lr"] = 0.01 / (step + 1)  # the schedule reaches every group
        for stepper in steppers:
            stepper.zero_grad()
        for parameters in (list(ours.parameters()), theirs):
            torch.stack([(p**3).sum() for p in parameters]).sum().backward()  # type: ignore[no-untyped-call]
        for stepper in steppers:
            stepper.step()
    for mine, reference in zip(ours.parameters(), theirs, strict=True):
        torch.testing.assert_close(mine, reference)


def test_muons_step_of_a_matrix_goes_equally_far_in_all_directions() -> None:
    torch.manual_seed(0)
    config: Any = TypeAdapter(OptimiserConfig).validate_python({"kind": "muon", "lr": 1.0})
    model = holding(torch.zeros(8, 32))
    (weight,) = model.parameters()
    weight.grad = torch.randn(8, 3) @ torch.diag(torch.tensor([20.0, 1, 0.2])) @ torch.randn(3, 32)
    config.build(model).step()
    sizes = torch.linalg.svdvals(weight.detach())[:3] / (0.2 * 32**0.5)
    assert ((sizes > 0.5) & (sizes < 1.3)).all()  # Newton-Schulz: about 1
