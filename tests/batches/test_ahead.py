"""Batches that are gathered a step ahead are the batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bossline.batches.ahead import Ahead, where_they_fit
from bossline.batches.base import BatchConfig
from bossline.batches.padded import Padded
from bossline.batches.segments import SegmentConfig
from bossline.batches.utterances import UtteranceConfig
from bossline.batches.windows import WindowConfig

CPU = torch.device("cpu")
CONFIGS: dict[str, Any] = {
    "windows": WindowConfig(frames=3, size=7),
    "utterances": UtteranceConfig(size=20),
    "segments": SegmentConfig(frames=5, size=3, valid_every=4),
}


def pieces() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(n, 2)).astype(np.float16) for n in (5, 9, 2, 14, 7, 7, 3)]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Padded):
        return same((one.frames, one.lengths), (other.frames, other.lengths))
    if isinstance(one, tuple):
        return all(map(same, one, other))
    return torch.equal(one, other)


@pytest.mark.parametrize("kind", CONFIGS)
def test_whatever_is_asked_for_comes(kind: str) -> None:
    config: BatchConfig = CONFIGS[kind]
    plain = CONFIGS[kind].open(pieces(), CPU)
    ahead = Ahead(CONFIGS[kind].open(pieces(), CPU), CPU)
    assert (len(ahead), ahead.steps_per_epoch) == (len(plain), plain.steps_per_epoch)
    assert config.kind in CONFIGS
    last = plain.steps_per_epoch - 1
    asked = [(1, 0, 0), (1, 0, 1), (1, 0, last), (1, 1, 0), (1, 0, last), (2, 0, 0), (2, 0, 0)]
    for key in asked:
        assert same(ahead.batch(*key), plain.batch(*key)), key
    for one, other in zip(ahead.in_order(), plain.in_order(), strict=True):
        assert same(one, other)


def test_the_next_is_gathered_while_one_is_computed_with() -> None:
    class Counting:
        steps_per_epoch = 2

        def __init__(self) -> None:
            self.asked: list[tuple[int, int, int]] = []

        def batch(self, *key: Any) -> tuple[torch.Tensor, torch.Tensor]:
            self.asked.append(key[:3])
            return torch.zeros(1), torch.zeros(1)

    counting = Counting()
    ahead = Ahead(counting, CPU)  # type: ignore[arg-type]
    for key in ((0, 0, 0), (0, 0, 1), (0, 1, 0)):
        ahead.batch(*key)
    ahead._thread.shutdown()
    assert counting.asked == [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1)]


@pytest.mark.parametrize(("free", "kept"), [(10_000, True), (100, False)])
def test_a_gpu_keeps_what_it_has_room_for(
    free: int, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10_000))
    opened = where_they_fit(lambda device: device, pieces(), torch.device("cuda"))
    assert opened == torch.device("cuda") if kept else isinstance(opened, Ahead)
