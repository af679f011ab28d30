from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from bossline.batches.padded import Padded
from bossline.models.tagger import TaggerConfig


def test_logits_of_a_padded_batch_are_those_of_each_utterance_alone() -> None:
    torch.manual_seed(0)
    config = TaggerConfig.model_validate(
        {"encoder": {"kind": "rnn", "width": 8, "depth": 2, "front": 3}, "dropout": 0.5}
    )
    model = config.build(5, 4).eval()
    lengths = [3, 9, 1, 6]
    frames = torch.full((4, 9, 5), 1e3)
    pieces = [torch.randn(length, 5) for length in lengths]
    for row, piece in zip(frames, pieces, strict=True):
        row[: len(piece)] = piece
    together = model(Padded(frames, torch.tensor(lengths)))
    alone = [model(Padded(p.unsqueeze(0), torch.tensor([len(p)]))) for p in pieces]
    assert together.shape == (sum(lengths), 4)
    np.testing.assert_allclose(together.detach(), torch.cat(alone).detach(), atol=1e-5)


def test_an_encoder_that_drops_frames_is_refused() -> None:
    encoder = {"kind": "subsample", "encoder": {"kind": "rnn"}}
    with pytest.raises(ValidationError, match="must not subsample"):
        TaggerConfig.model_validate({"encoder": encoder})
