from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.models.encoders.layers import MaskedBatchNorm


@settings(max_examples=20)
@given(lengths=st.lists(st.integers(1, 9), min_size=2, max_size=4), seed=st.integers(0, 99))
def test_it_is_torchs_batch_norm_of_the_joined_frames(lengths: list[int], seed: int) -> None:
    torch.manual_seed(seed)
    ours, theirs = MaskedBatchNorm(3).double(), nn.BatchNorm1d(3).double()
    for norm in (ours, theirs):
        norm.weight.data.copy_(torch.tensor([1.0, -2.0, 3.0]))
        norm.bias.data.copy_(torch.tensor([0.0, 0.5, -1.0]))
    for _ in range(3):
        frames = torch.randn(len(lengths), max(lengths) + 2, 3, dtype=torch.float64) * 3 + 50
        batch = Padded.of(frames, torch.tensor(lengths))
        frames[~batch.mask] = float("nan")
        x, y = frames.clone().requires_grad_(), batch.joined().requires_grad_()
        got, expected = ours(x, batch.padding)[batch.mask], theirs(y)
        torch.testing.assert_close(got, expected)
        weights = torch.randn_like(got)
        (got * weights).sum().backward()
        (expected * weights).sum().backward()
        assert x.grad is not None
        assert y.grad is not None
        torch.testing.assert_close(x.grad[batch.mask], y.grad)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_variance, theirs.running_var)
    torch.testing.assert_close(
        ours.eval()(frames, batch.padding)[batch.mask],
        theirs.eval()(batch.joined()),
    )


def test_a_batch_of_one_frame_is_its_own_mean() -> None:
    norm = MaskedBatchNorm(2)
    batch = Padded.of(torch.tensor([[[5.0, -3.0], [9.0, 9.0]]]), torch.tensor([1]))
    for padded in (batch, Padded.of(batch.frames[:, :1], torch.tensor([1]))):
        assert torch.equal(norm(padded.frames, padded.padding)[:, :1], torch.zeros(1, 1, 2))
    torch.testing.assert_close(norm.running_mean, torch.tensor([0.95, -0.57]))  # 0.1, 0.1 of 0.9
    torch.testing.assert_close(norm.running_variance, torch.tensor([0.81, 0.81]))


def formula(norm: MaskedBatchNorm, x: Tensor, mask: Tensor) -> Tensor:
    """Means over a mask; what the padding holds does not count."""
    real = mask.unsqueeze(2)
    mean = (x * real).sum((0, 1)) / mask.sum()
    centred = (x - mean) * real
    variance = centred.square().sum((0, 1)) / mask.sum()
    return norm.weight * centred / (variance + 1e-5).sqrt() + norm.bias


def test_joined_frames_and_the_formula_agree_to_the_second_derivative() -> None:
    """A Hessian asks for gradients of gradients."""
    torch.manual_seed(0)
    norm = MaskedBatchNorm(3).double()
    padding = Padded.of(torch.empty(2, 5, 0), torch.tensor([5, 3])).padding
    real = padding.mask.unsqueeze(2)
    frames, towards = torch.randn(2, 2, 5, 3, dtype=torch.float64) * real
    found = []
    for way in (lambda x: norm(x, padding), lambda x: formula(norm, x, padding.mask)):
        x = frames.clone().requires_grad_()
        y = way(x) * real
        (slope,) = torch.autograd.grad((y**2 * towards).sum(), x, create_graph=True)
        (bend,) = torch.autograd.grad((slope**2).sum(), x)
        found.append((y, slope, bend))
    for joined, expected in zip(*found, strict=True):
        torch.testing.assert_close(joined, expected)
