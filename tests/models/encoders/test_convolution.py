from __future__ import annotations

import pytest
import torch
from torch import nn

from bossline.batches.padded import Padded
from bossline.models.encoders.layers import TimeConvolution


@pytest.mark.parametrize(
    ("kernel", "dilation", "groups"), [(1, 1, 1), (3, 4, 1), (5, 2, 2), (31, 1, 6)]
)
def test_it_is_torchs_convolution_of_each_utterance(
    kernel: int, dilation: int, groups: int
) -> None:
    torch.manual_seed(0)
    ours = TimeConvolution(6, 6, kernel, dilation=dilation, groups=groups)
    theirs = nn.Conv1d(6, 6, kernel, padding="same", dilation=dilation, groups=groups)
    theirs.load_state_dict(
        {
            "weight": ours.convolution.weight.squeeze(2),
            "bias": torch.as_tensor(ours.convolution.bias),
        }
    )
    lengths = torch.tensor([12, 1, 7])
    x = torch.randn(3, 12, 6)
    got = ours(x, Padded.of(x, lengths).padding)
    for number, length in enumerate(lengths.tolist()):
        expected = theirs(x[number, :length].T).T
        torch.testing.assert_close(got[number, :length], expected, atol=1e-5, rtol=1e-5)
