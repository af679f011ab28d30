from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call, hessian

from bossline.batches.padded import Padded
from bossline.models.mlp import MlpConfig
from bossline.models.tagger import TaggerConfig
from bossline.studies.diagnosis.hessian import Spectrum, lanczos
from bossline.studies.diagnosis.objective import Objective, twice_differentiable
from bossline.studies.diagnosis.verdict import shape
from bossline.training.contract import StepLoss

ENCODERS: dict[str, dict[str, Any]] = {
    "rnn": {"kind": "rnn", "cell": "rnn", "width": 3, "depth": 1},
    "gru": {"kind": "rnn", "cell": "gru", "width": 3, "depth": 1, "norm": "layer"},
    "lstm": {"kind": "rnn", "cell": "lstm", "width": 3, "depth": 1, "front": 3, "front_width": 2},
    "tdnn": {"kind": "tdnn", "width": 4, "dilations": (1, 2)},
    "ecapa": {"kind": "ecapa", "channels": 4, "scale": 2, "bottleneck": 2, "aggregated": 4},
    "transformer": {"kind": "transformer", "width": 4, "heads": 2, "depth": 1, "feed_forward": 2},
    "conformer": {
        "kind": "conformer", "width": 4, "heads": 2, "depth": 1, "feed_forward": 2, "kernel": 3,
    },
    "smoother": {"kind": "smoother", "width": 4, "heads": 2, "depth": 1, "feed_forward": 2},
}  # fmt: skip


def cross_entropy(model: nn.Module, batch: tuple[Any, Tensor]) -> StepLoss:
    inputs, labels = batch
    logits = model(inputs)
    if isinstance(inputs, Padded):
        logits = inputs.with_frames(logits).joined()
    return StepLoss(nn.functional.cross_entropy(logits, labels), len(labels), labels)


def spectrum_of(objective: Objective, products: int = 10_000) -> Spectrum:
    with twice_differentiable(objective.model):
        size = sum(parameter.numel() for parameter in objective.parameters)
        start = torch.randn(size, generator=torch.Generator().manual_seed(0))
        return lanczos(objective.product, start.to(objective.parameters[0]), products)


def dense(model: nn.Module, batches: list[tuple[Any, Tensor]]) -> np.ndarray:
    """Eigenvalues of the Hessian by torch.func, of all batches together."""
    parameters = dict(model.named_parameters())
    sizes = [parameter.numel() for parameter in parameters.values()]

    def loss(flat: Tensor) -> Tensor:
        parts = [
            part.view_as(p)
            for part, p in zip(torch.split(flat, sizes), parameters.values(), strict=True)
        ]
        given = dict(zip(parameters, parts, strict=True))
        summed = torch.zeros((), dtype=flat.dtype)
        for inputs, labels in batches:
            logits = functional_call(model, given, (inputs,))
            summed = summed + nn.functional.cross_entropy(logits, labels, reduction="sum")
        return summed / sum(len(labels) for _, labels in batches)

    flat = torch.cat([p.detach().flatten() for p in parameters.values()])
    with twice_differentiable(model):
        return np.linalg.eigvalsh(hessian(loss)(flat).numpy())


def assert_ends(found: Spectrum, eigenvalues: np.ndarray) -> None:
    assert found.top == pytest.approx(eigenvalues[-1], rel=0.01)
    assert found.bottom == pytest.approx(eigenvalues[0], rel=0.01, abs=1e-3 * eigenvalues[-1])
    assert found.negative <= (eigenvalues < 0).sum()
    for value, residual in zip(found.values, found.residuals, strict=True):
        assert np.abs(eigenvalues - value).min() <= residual + 1e-6 * eigenvalues[-1]


@pytest.mark.parametrize("activation", ["tanh", "gelu", "relu"])
def test_a_small_network_against_its_dense_hessian(activation: Any) -> None:
    torch.manual_seed(0)
    model = MlpConfig(depth=2, width=6, norm="batch", activation=activation, dropout=0.5)
    built = model.build(5, 4).double()
    batches = [(torch.randn(n, 5, dtype=torch.double), torch.randint(0, 4, (n,))) for n in (30, 50)]
    found = spectrum_of(Objective(built, cross_entropy, batches))
    assert found.top_is_exact
    assert found.bottom_is_exact
    assert_ends(found, dense(built, batches))
    assert built.training


@pytest.mark.parametrize("kind", ENCODERS)
def test_every_encoder_has_products(kind: str) -> None:
    """Fused kernels without a second derivative would raise here."""
    torch.manual_seed(0)
    config = TaggerConfig.model_validate({"encoder": ENCODERS[kind]})
    model = config.build(3, 4).double()
    frames = torch.randn(3, 7, 3, dtype=torch.double)
    batches = [(Padded.of(frames, torch.tensor([7, 5, 4])), torch.randint(0, 4, (16,)))]
    objective = Objective(model, cross_entropy, batches)
    size = sum(parameter.numel() for parameter in objective.parameters)
    vector = torch.randn(size, dtype=torch.double)
    with twice_differentiable(model):
        product = objective.product(vector)
        ends = []
        for sign in (1, -1):
            torch.nn.utils.vector_to_parameters(
                (before := nn.utils.parameters_to_vector(model.parameters()).detach())
                + sign * 1e-6 * vector,
                model.parameters(),
            )
            ends.append(objective.slope().gradient)
            torch.nn.utils.vector_to_parameters(before, model.parameters())
    torch.testing.assert_close(product, (ends[0] - ends[1]) / 2e-6, rtol=1e-4, atol=1e-6)


class Point(nn.Module):
    def __init__(self, *at: float) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.tensor(at, dtype=torch.double))


def quadratic(curvatures: list[float]) -> Objective:
    """Half of the sum of curvature x coordinate^2, at zero, turned by a random rotation."""
    size = len(curvatures)
    draws = torch.randn(size, size, dtype=torch.double, generator=torch.manual_seed(1))
    turn = torch.linalg.qr(draws)[0]
    matrix = turn @ torch.diag(torch.tensor(curvatures, dtype=torch.double)) @ turn.T

    def loss(model: nn.Module, batch: Any) -> StepLoss:
        assert isinstance(model, Point)
        return StepLoss(model.at @ matrix @ model.at / 2, 1, torch.tensor(0))

    return Objective(Point(*[0.0] * size), loss, [None])


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=25))
def test_ends_of_quadratics(curvatures: list[float]) -> None:
    found = spectrum_of(quadratic(curvatures))
    nothing = 1e-3 * max(map(abs, curvatures)) + 1e-12
    for end, true in ((found.top, max(curvatures)), (found.bottom, min(curvatures))):
        # Within 1% of an eigenvalue, as promised; next to the very end there may be another.
        assert min(abs(end - c) - 0.01 * abs(c) for c in curvatures) <= nothing
        assert end == pytest.approx(true, rel=0.05, abs=nothing)
    assert found.negative <= sum(curvature < 0 for curvature in curvatures)
    assert found.shares.sum() == pytest.approx(1)


def test_known_points() -> None:
    saddle = spectrum_of(quadratic([2.0, -2.0]))
    assert shape(saddle) == "saddle"
    assert saddle.negative == 1
    assert saddle.bottom == pytest.approx(-2)
    assert shape(spectrum_of(quadratic([2.0, 3.0, 0.5]))) == "minimum"
    assert shape(spectrum_of(quadratic([2.0, 0.0, 0.0]))) == "minimum"
    assert shape(spectrum_of(quadratic([0.0, 0.0]))) == "flat"
    assert shape(spectrum_of(quadratic([1e-6, -1e-6]))) == "flat"


def test_a_wide_spectrum_wants_few_products() -> None:
    """Two ends far from the bulk, as of networks."""
    bulk = np.random.default_rng(0).normal(0, 0.1, 400).tolist()
    found = spectrum_of(quadratic([*bulk, 30.0, -5.0]), products=60)
    assert len(found.values) < 20
    assert found.top == pytest.approx(30, rel=0.01)
    assert found.bottom == pytest.approx(-5, rel=0.01)
    assert spectrum_of(quadratic([*bulk, 30.0, -5.0]), products=2).top_is_exact is False
