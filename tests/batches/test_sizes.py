"""Batches may be larger where a GPU trains."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bossline.batches.base import BatchConfig
from bossline.batches.images import ImageConfig
from bossline.batches.rows import RowConfig
from bossline.batches.segments import SegmentConfig
from bossline.batches.utterances import UtteranceConfig
from bossline.batches.windows import WindowConfig

CPU, GPU = torch.device("cpu"), torch.device("cuda", 1)


@pytest.mark.parametrize(
    "config", [WindowConfig, UtteranceConfig, SegmentConfig, ImageConfig, RowConfig]
)
def test_a_size_is_of_a_device(config: type[BatchConfig]) -> None:
    alike, two = config(size=12), config(size=12, size_on_cuda=48)  # type: ignore[call-arg]
    assert (alike.on(CPU).size, alike.on(GPU).size) == (12, 12)
    assert (two.on(CPU).size, two.on(GPU).size) == (12, 48)


def test_the_cpu_opens_its_own_size() -> None:
    frames = [np.zeros((40, 2), np.float32)]
    opened = WindowConfig(frames=1, size=10, size_on_cuda=40).open(frames, CPU)
    assert opened.steps_per_epoch == 4
