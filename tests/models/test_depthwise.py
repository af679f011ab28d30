"""Depthwise convolutions: in float32 on a CPU, without cuDNN on a GPU."""

from __future__ import annotations

from itertools import product
from typing import Any

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
@pytest.mark.parametrize(("channels", "kernel"), [(8, 7), (17, 31), (144, 31), (48, 7)])
def test_a_cpu_convolves_in_float32(channels: int, kernel: int, autocast: bool) -> None:
    torch.manual_seed(0)
    ours = DepthwiseConv2d(channels, channels, (1, kernel), padding="same", groups=channels)
    x = torch.randn(2, 1, 40, channels).permute(0, 3, 1, 2)
    expected = nn.functional.conv2d(x, ours.weight, ours.bias, padding="same", groups=channels)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        assert torch.equal(ours(x), expected)


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": (1, 31), "padding": "same", "bias": False},
        {"kernel_size": (1, 5), "padding": "same", "dilation": (1, 2)},
        {"kernel_size": 7, "padding": 3},
        {"kernel_size": 3, "padding": 1, "stride": 2},
    ],
)
def test_the_way_of_gpus_is_the_same_function(settings: dict[str, Any], autocast: bool) -> None:
    torch.manual_seed(0)
    ours = DepthwiseConv2d(20, 20, groups=20, **settings)
    theirs = nn.Conv2d(20, 20, groups=20, **settings)
    theirs.load_state_dict(ours.state_dict())
    inputs = [torch.randn(2, 20, 9, 33).requires_grad_() for _ in "ab"]
    inputs[1].data.copy_(inputs[0].data)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        found, expected = ours._without_cudnn(inputs[0]), theirs(inputs[1])
    assert found.dtype == expected.dtype
    wrong: dict[str, Any] = (
        {"rtol": 0.02, "atol": 0.02} if autocast else {"rtol": 1e-5, "atol": 1e-5}
    )
    torch.testing.assert_close(found, expected, **wrong)
    gradient = torch.randn_like(found)
    found.backward(gradient)  # type: ignore[no-untyped-call]
    expected.backward(gradient)
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad, **wrong)
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert mine.grad is not None
        assert mine.grad.dtype == torch.float32
        torch.testing.assert_close(mine.grad, its.grad, rtol=0.02, atol=0.05 if autocast else 1e-4)
    if not autocast:
        assert torch.autograd.gradcheck(
            ours.double()._without_cudnn, torch.randn(1, 20, 3, 4).double().requires_grad_()
        )
