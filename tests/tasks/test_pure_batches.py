"""A batch is a pure function of seed, epoch and step, whatever training does to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from bossline.batches.order import epoch_order, generator_of
from bossline.batches.padded import Padded
from bossline.tasks.transcribe.objective import Targets
from tests.lessons import AUGMENTED, lesson, small

CPU = torch.device("cpu")


def tensors(batch: Any) -> Iterator[Tensor]:
    for part in batch:
        if isinstance(part, Padded):
            yield part.frames
            yield part.lengths
        elif isinstance(part, Targets):
            yield part.symbols
        elif isinstance(part, Tensor):
            yield part


def equal(one: Any, other: Any) -> bool:
    return all(torch.equal(a, b) for a, b in zip(tensors(one), tensors(other), strict=True))


def test_some_recipe_of_each_task_with_augmentation_is_tried() -> None:
    assert {name.split("/")[0] for name in AUGMENTED} == {
        "phoneme",
        "speaker",
        "food",
        "transcribe",
    }


@pytest.mark.parametrize("name", AUGMENTED)
def test_an_augmented_batch_is_the_same_whenever_it_is_asked_for(name: str) -> None:
    opened = lesson(small(name))
    state = torch.get_rng_state()
    places = [(epoch, step) for epoch in (0, 1) for step in (0, 1)]
    first = {place: opened.batch(*place) for place in places}
    assert torch.equal(torch.get_rng_state(), state)  # chance is no one else's either
    torch.rand(7)
    for place in reversed(places):
        assert equal(opened.batch(*place), first[place])
        assert equal(lesson(small(name)).batch(*place), first[place])
    assert not equal(first[0, 0], first[1, 0])
    assert not equal(first[0, 0], lesson(small(name, "seed=5")).batch(0, 0))
    plain = lesson(small(name, "augment=null")).batch(0, 0)
    assert not equal(first[0, 0][:1], plain[:1])


def test_chance_differs_from_step_to_step_and_from_that_of_the_order() -> None:
    places = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 2, 0), (2, 1, 0)]
    draws = {tuple(torch.rand(4, generator=generator_of(*place, CPU)).tolist()) for place in places}
    assert len(draws) == len(places)
    assert torch.equal(
        torch.rand(4, generator=generator_of(3, 1, 2, CPU)),
        torch.rand(4, generator=generator_of(3, 1, 2, CPU)),
    )
    drawn = torch.randperm(50, generator=generator_of(3, 1, 0, CPU))
    assert not torch.equal(drawn, epoch_order(50, 3, 1))
