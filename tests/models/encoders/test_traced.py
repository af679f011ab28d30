"""What is traced knows no lengths: it computes the same of the real frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence

from bossline.batches.padded import Padded, Padding
from bossline.models.encoders.layers import MaskedBatchNorm
from bossline.models.encoders.rnn import RnnConfig, _packing
from bossline.models.tagger import TaggerConfig
from tests.padding import any_padding, padded


def traced(batch: Padded) -> Padded:
    known = batch.padding.known
    shape = Padding(known, batch.padding.steps, batch.padding.device, least=1)
    return Padded(batch.frames, shape)


@any_padding
def test_batch_norm_by_masks_is_that_of_joined_frames(
    lengths: list[int], beyond: int, padding: float
) -> None:
    torch.manual_seed(0)
    batch = padded([torch.randn(length, 4) + 2 for length in lengths], beyond, padding)
    weight = torch.randn(4)
    found = []
    for given in (batch, traced(batch)):
        norm = MaskedBatchNorm(4)
        frames = given.frames.clone().requires_grad_()
        y = Padded(norm(frames, given.padding), batch.padding).joined()
        (y.square() * weight).sum().backward()  # type: ignore[no-untyped-call]
        assert frames.grad is not None
        gradient = Padded(frames.grad, batch.padding).joined()
        found.append((y, gradient, norm.running_mean, norm.running_variance, norm.weight.grad))
        assert torch.equal(frames.grad[~batch.mask], torch.zeros_like(frames.grad[~batch.mask]))
    for joined, masked in zip(*found, strict=True):
        torch.testing.assert_close(masked, joined, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("norm", ["none", "layer"])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_packed_directions_are_flipped_ones(cell: Any, norm: Any, bidirectional: bool) -> None:
    """A GPU takes the one, a CPU the other; gradients of all weights too."""
    torch.manual_seed(0)
    config = RnnConfig(cell=cell, depth=2, width=5, norm=norm, bidirectional=bidirectional)
    encoder = config.build(4).double()
    frames = torch.randn(5, 13, 4, dtype=torch.float64)
    batch = Padded.of(frames, torch.tensor([3, 11, 1, 11, 7]))
    of_real: list[Tensor] = []
    gradients = []
    for way in (encoder(batch).frames, encoder._packed(frames, batch.padding)):
        real = batch.with_frames(way).joined()
        encoder.zero_grad()
        (real.square().sum() + real.sum()).backward()  # type: ignore[no-untyped-call]
        of_real.append(real)
        gradients.append([p.grad.clone() for p in encoder.parameters() if p.grad is not None])
    torch.testing.assert_close(of_real[1], of_real[0])
    assert len(gradients[0]) == len(list(encoder.parameters()))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(other, one)
    packed = encoder._packed(frames, batch.padding)
    assert not packed[~batch.mask].any()


def test_frames_are_packed_as_torch_packs_them() -> None:
    lengths = torch.tensor([2, 7, 1, 5])
    frames = torch.arange(4 * 8.0).view(4, 8, 1)
    theirs = pack_padded_sequence(frames, lengths, batch_first=True, enforce_sorted=False)
    ours = _packing(Padded.of(frames, lengths).padding)
    assert torch.equal(ours.sizes, theirs.batch_sizes)
    np.testing.assert_array_equal(frames.flatten(0, 1)[ours.rows], theirs.data)


@pytest.mark.parametrize("encoder", [{"kind": "rnn"}, {"kind": "tdnn"}, {"kind": "conformer"}])
def test_a_traced_tagger_answers_as_it_does_anyhow(encoder: dict[str, Any]) -> None:
    torch.manual_seed(0)
    small = {"rnn": {"width": 6}, "tdnn": {"width": 6}, "conformer": {"width": 8, "depth": 1}}
    given = {"encoder": {**encoder, **small[encoder["kind"]]}, "frame_stack": 2}
    model = TaggerConfig.model_validate(given).build(3, 4)
    for module in model.modules():
        if hasattr(module, "p"):
            module.eval()  # no dropout
    batch = Padded.of(torch.randn(3, 9, 3), torch.tensor([9, 4, 7]))
    torch.manual_seed(1)
    plain = model(batch)
    torch.manual_seed(1)
    any_lengths = model(traced(batch))
    torch.testing.assert_close(any_lengths[batch.mask], plain[batch.mask], atol=1e-5, rtol=1e-4)
