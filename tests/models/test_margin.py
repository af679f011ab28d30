"""AM- and AAM-softmax against what their papers write, by way of the angle itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bossline.models.heads import AamSoftmaxConfig, AmSoftmaxConfig, MarginHead

CONFIGS: dict[str, type[AmSoftmaxConfig | AamSoftmaxConfig]] = {
    "am": AmSoftmaxConfig,
    "aam": AamSoftmaxConfig,
}
both = pytest.mark.parametrize("kind", CONFIGS)
HALF_TURN = math.pi


def by_hand(kind: str, head: MarginHead, embeddings: Tensor, labels: Tensor, m: float) -> float:
    """Number by number: every cosine, the best sub-centre, the margin on the angle, the loss."""
    weight = head.weight.detach().numpy()
    losses = []
    for e, label in zip(embeddings.numpy(), labels.tolist(), strict=True):
        logits = []
        for number, centres in enumerate(weight):
            cosine = max(e @ c / np.linalg.norm(e) / np.linalg.norm(c) for c in centres)
            if number == label and kind == "am":
                cosine -= m
            elif number == label:
                angle = math.acos(cosine)
                beyond = angle + m > HALF_TURN
                cosine = cosine - m * math.sin(m) if beyond else math.cos(angle + m)
            logits.append(head.scale * cosine)
        losses.append(np.logaddexp.reduce(logits) - logits[label])
    return float(np.mean(losses))


@both
@settings(max_examples=40)
@given(
    inputs=st.integers(2, 6),
    margin=st.floats(0, 0.9),
    margin_scale=st.sampled_from([0.0, 0.3, 1.0]),
    scale=st.floats(1, 64),
    subcentres=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_the_loss_is_the_formula(
    kind: str,
    inputs: int,
    margin: float,
    margin_scale: float,
    scale: float,
    subcentres: int,
    seed: int,
) -> None:
    torch.manual_seed(seed)
    config = CONFIGS[kind](margin=margin, scale=scale, subcentres=subcentres)
    head = config.build(inputs, 4).double()
    embeddings = torch.randn(12, inputs, dtype=torch.float64) * 5
    labels = torch.randint(4, (12,))
    loss, _ = head.loss(embeddings, labels, margin_scale)
    expected = by_hand(kind, head, embeddings, labels, margin_scale * margin)
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@both
@pytest.mark.parametrize("subcentres", [1, 3])
def test_scores_are_scaled_cosines_whatever_the_lengths(kind: str, subcentres: int) -> None:
    torch.manual_seed(0)
    head = CONFIGS[kind](scale=20, subcentres=subcentres).build(5, 4)
    embeddings = torch.randn(7, 5)
    scores = head(embeddings)
    expected = torch.stack(
        [
            torch.cosine_similarity(embeddings.unsqueeze(1), centres, dim=-1).max(1).values
            for centres in head.weight
        ],
        dim=1,
    )
    torch.testing.assert_close(scores, 20 * expected)
    head.weight.data *= torch.logspace(-2, 2, 4).view(4, 1, 1)
    lengths = torch.logspace(-3, 3, 7).unsqueeze(1)
    torch.testing.assert_close(head(embeddings * lengths), scores, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("margin", [0.05, 0.2, 0.5, 1.5])
def test_what_the_angular_margin_gives_always_falls_with_the_angle(margin: float) -> None:
    head = AamSoftmaxConfig(margin=margin).build(2, 2).double()
    angles = torch.linspace(0.001, HALF_TURN - 0.001, 5000, dtype=torch.float64).unsqueeze(1)
    target = head.target(angles.cos(), margin)
    assert (target.diff(dim=0) < 0).all()
    assert (target < angles.cos()).all()


@both
@pytest.mark.parametrize("margin_scale", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("subcentres", [1, 2])
def test_gradients_are_finite_where_angles_are_0_and_pi(
    kind: str, margin_scale: float, subcentres: int
) -> None:
    torch.manual_seed(0)
    head = CONFIGS[kind](margin=0.5, scale=64, subcentres=subcentres).build(16, 10)
    own = head.weight.detach()[:, 0]
    embeddings = torch.cat((own, -own, own * 1e4, own * 1e-4, -own * 1e4, own * 0))
    embeddings.requires_grad_()
    loss, scores = head.loss(embeddings, torch.arange(10).repeat(6), margin_scale)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.isfinite()
    assert (scores.abs() <= 64 + 1e-3).all()
    assert embeddings.grad is not None
    assert head.weight.grad is not None
    assert embeddings.grad.isfinite().all()
    assert embeddings.grad[:50].abs().max() < 1e5  # 1 / length of the shortest, times the scale
    assert head.weight.grad.isfinite().all()
    assert head.weight.grad.abs().max() < 100


@both
@pytest.mark.parametrize("subcentres", [1, 3])
def test_gradients_are_those_of_finite_differences(kind: str, subcentres: int) -> None:
    torch.manual_seed(0)
    head = CONFIGS[kind](scale=5, subcentres=subcentres).build(3, 4).double()
    embeddings = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    assert torch.autograd.gradcheck(
        lambda e, _: head.loss(e, labels, 1.0)[0], (embeddings, head.weight)
    )


@both
def test_autocast_changes_nothing(kind: str) -> None:
    torch.manual_seed(0)
    head = CONFIGS[kind](subcentres=2).build(32, 10)
    embeddings, labels = torch.randn(8, 32).bfloat16(), torch.randint(10, (8,))
    expected, expected_scores = head.loss(embeddings.float(), labels, 1.0)
    with torch.autocast("cpu", torch.bfloat16):
        loss, scores = head.loss(embeddings, labels, 1.0)
        predicted = head(embeddings)
    assert scores.dtype == loss.dtype == torch.float32
    assert torch.equal(loss, expected)
    assert torch.equal(scores, expected_scores)
    assert torch.equal(predicted, expected_scores)
