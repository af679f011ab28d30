"""Few channels of a depthwise convolution in bfloat16, and the wide ones left as they are."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import nn

from bossline.models.depthwise import DepthwiseConv2d
from tests.attack.depthwise_grid import CHANNELS, Shape, complaints, full_grid


def test_every_shape_comes_out_right_in_time() -> None:
    times = product(("time",), (*CHANNELS[:20], 144), (15, 31), (31, 137))
    images = product(("images",), (2, 8, 16, 17), (7, 15), (8, 40))
    shapes = [Shape(*each, "channels last") for each in (*times, *images)]  # type: ignore[arg-type]
    assert set(shapes) < set(full_grid())
    assert next(complaints(shapes), None) is None


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize(("channels", "kernel"), [(17, 31), (144, 31), (48, 7)])
def test_many_channels_are_torchs_own(channels: int, kernel: int, autocast: bool) -> None:
    torch.manual_seed(0)
    ours = DepthwiseConv2d(channels, channels, (1, kernel), padding="same", groups=channels)
    theirs = nn.Conv2d(channels, channels, (1, kernel), padding="same", groups=channels)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 1, 40, channels).permute(0, 3, 1, 2)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        found, expected = ours(x), theirs(x)
    assert found.dtype == expected.dtype
    assert torch.equal(found, expected)


@pytest.mark.parametrize("autocast", [False, True])
def test_few_channels_are_torchs_own_in_float32(autocast: bool) -> None:
    ours = DepthwiseConv2d(8, 8, 7, padding=3, groups=8)
    x = torch.randn(2, 8, 9, 9)
    expected = nn.functional.conv2d(x, ours.weight, ours.bias, padding=3, groups=8)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        assert torch.equal(ours(x), expected)
