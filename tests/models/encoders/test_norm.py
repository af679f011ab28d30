from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bossline.batches.padded import Padded
from bossline.models.encoders.norm import MaskedBatchNorm


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
