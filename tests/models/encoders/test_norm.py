from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

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
        batch = Padded(frames, torch.tensor(lengths))
        frames[~batch.mask] = float("nan")
        x, y = frames.clone().requires_grad_(), batch.joined().requires_grad_()
        got, expected = ours(x, batch.mask)[batch.mask], theirs(y)
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
        ours.eval()(frames, batch.mask)[batch.mask],
        theirs.eval()(batch.joined()),
    )


def test_a_batch_of_one_frame_is_its_own_mean() -> None:
    norm = MaskedBatchNorm(2)
    got = norm(torch.tensor([[[5.0, -3.0]]]), torch.tensor([[True]]))
    assert torch.equal(got, torch.zeros(1, 1, 2))
    assert norm.running_variance.isfinite().all()


def test_joined_frames_and_the_formula_agree_to_the_second_derivative() -> None:
    """A GPU takes the formula, a CPU joins; a Hessian asks for gradients of gradients."""
    torch.manual_seed(0)
    norm = MaskedBatchNorm(3).double()
    mask = Padded(torch.empty(2, 5, 0), torch.tensor([5, 3])).mask
    frames, towards = torch.randn(2, 2, 5, 3, dtype=torch.float64) * mask.unsqueeze(2)
    found = []
    for way in (norm.forward, norm._by_formula):
        norm.running_mean.zero_()
        norm.running_variance.fill_(1)
        x = frames.clone().requires_grad_()
        y = way(x, mask) * mask.unsqueeze(2)
        (slope,) = torch.autograd.grad((y**2 * towards).sum(), x, create_graph=True)
        (bend,) = torch.autograd.grad((slope**2).sum(), x)
        found.append((y, slope, bend, norm.running_mean.clone(), norm.running_variance.clone()))
    for joined, formula in zip(*found, strict=True):
        torch.testing.assert_close(joined, formula)
