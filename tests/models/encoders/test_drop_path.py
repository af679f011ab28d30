from __future__ import annotations

import pytest
import torch

from bossline.models.layers import DropPath


def test_whole_utterances_go_and_the_mean_stays() -> None:
    torch.manual_seed(0)
    dropped = DropPath(0.2)(torch.ones(20_000, 2, 3))
    assert dropped.mean() == pytest.approx(1, abs=0.02)
    assert dropped.unique().tolist() == [0, 1.25]
    assert torch.equal(dropped, dropped[:, :1, :1].expand_as(dropped))
