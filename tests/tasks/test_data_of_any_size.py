"""Training on a corpus of several shards: the same as on one shard, and no copy of its frames."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bossline.batches.frames import Mapped
from bossline.batches.padded import Padded
from bossline.core.errors import UserError
from bossline.core.runtime import Runtime
from bossline.data import writer
from bossline.data.packed import Corpus
from bossline.recipes import load_recipe
from bossline.tasks import lesson_of
from bossline.tasks.lesson import Lesson
from tests.conftest import write_toy

BATCHES = {
    "windows": ("phoneme/simple", "batches={kind: windows, frames: 5, size: 30}"),
    "utterances": ("phoneme/boss-small", "batches.size=60"),
}


def opened(corpus: Corpus, kind: str) -> Lesson[Any]:
    name, *overrides = BATCHES[kind]
    return lesson_of(load_recipe(name, overrides), corpus, Runtime.choose("cpu"))


def numbers(batch: Any) -> list[Tensor]:
    return [part.frames if isinstance(part, Padded) else part for part in batch]


@pytest.mark.parametrize("kind", BATCHES)
def test_shards_are_one_corpus(home: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = write_toy("0" * 64)
    monkeypatch.setattr(writer, "SHARD_BYTES", 1000)
    parted = write_toy("1" * 64)
    assert (len(whole.header.shards), len(parted.header.shards)) == (1, 10)
    one, many = opened(whole, kind), opened(parted, kind)
    assert isinstance(many.training._frames, Mapped)
    assert len(many.training._frames._files.frames) > 5
    for step in range(one.steps_per_epoch):
        for a, b in zip(numbers(one.batch(1, step)), numbers(many.batch(1, step)), strict=True):
            assert torch.equal(a, b)
    np.testing.assert_array_equal(one.truth("test").array, many.truth("test").array)


@pytest.mark.parametrize("kind", BATCHES)
def test_a_shard_that_is_cut_between_steps_is_named(toy: Corpus, kind: str, tmp_path: Path) -> None:
    folder = shutil.copytree(toy.path, tmp_path / "copy")
    lesson = opened(Corpus(folder), kind)
    lesson.batch(0, 0)
    os.truncate(folder / "shard-00000.safetensors", 100)
    with pytest.raises(UserError, match="cut to 100 of"):
        lesson.batch(0, 1)
