from __future__ import annotations

import pytest
import torch

from bossline.batches.padded import Padded
from bossline.core.errors import UserError
from bossline.models.encoders.subsampling import Subsample, SubsampleConfig


def subsample(inputs: int = 9) -> Subsample:
    config = {"channels": 2, "encoder": {"kind": "rnn", "depth": 1, "width": 3}}
    return SubsampleConfig.model_validate(config).build(inputs)


def test_lengths_are_those_of_the_convolutions() -> None:
    encoder = subsample()
    for frames in range(7, 40):
        encoded = encoder(Padded.of(torch.randn(2, frames, 9), torch.tensor([frames, 7])))
        assert encoder.convolutions(torch.randn(1, 1, frames, 9)).shape[2] == encoded.lengths[0]
        assert encoded.frames.shape == (2, int(encoded.lengths[0]), 6)
        assert encoded.lengths[1] == 1


def test_what_would_vanish_is_refused() -> None:
    with pytest.raises(UserError, match=r"utterance of 6 frames is too short .* under 7 frames"):
        subsample()(Padded.of(torch.randn(2, 30, 9), torch.tensor([30, 6])))
    with pytest.raises(UserError, match="at least 7 numbers per frame, these have 6"):
        subsample(6)
