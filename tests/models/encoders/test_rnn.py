from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bossline.batches.padded import Padded
from bossline.models.encoders.rnn import RnnConfig

TORCH = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_both_directions_are_those_of_packed_sequences(cell: Any) -> None:
    torch.manual_seed(0)
    encoder = RnnConfig(cell=cell, depth=2, width=5).build(4)
    reference = TORCH[cell](4, 5, num_layers=2, bidirectional=True, batch_first=True)
    theirs = dict(reference.named_parameters())
    for name, weight in encoder.named_parameters():
        _, layer, direction, kind = name.split(".")  # layers.1.back.weight_ih_l0
        suffix = "_reverse" if direction == "back" else ""
        theirs[kind[:-1] + layer + suffix].data.copy_(weight.data)
    batch = Padded.of(torch.randn(4, 11, 4), torch.tensor([3, 11, 1, 7]))
    packed = pack_padded_sequence(
        batch.frames, batch.lengths, batch_first=True, enforce_sorted=False
    )
    expected, _ = pad_packed_sequence(reference(packed)[0], batch_first=True)
    torch.testing.assert_close(encoder(batch).joined(), expected[batch.mask], atol=1e-6, rtol=1e-6)


def test_one_way_hears_no_later_frame() -> None:
    torch.manual_seed(0)
    encoder = RnnConfig(depth=2, width=5, bidirectional=False).build(4)
    frames = torch.randn(1, 9, 4)
    whole = encoder(Padded.of(frames, torch.tensor([9]))).frames
    start = encoder(Padded.of(frames[:, :6], torch.tensor([6]))).frames
    torch.testing.assert_close(whole[:, :6], start)
