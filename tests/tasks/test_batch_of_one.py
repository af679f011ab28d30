"""One item has no variance: batch normalisation never meets a batch of one."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from bossline import api
from bossline.core.errors import UserError
from bossline.data.features.spec import ImageSpec
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.store import pack_path, register
from bossline.data.writer import writing
from bossline.runs.run import Run

ONE_PIXEL = (
    "epochs=1",
    "batches={kind: images, side: 8, size: 2}",
    "model={kind: resnet, widths: [4, 4, 4, 4], blocks: [1, 1, 1, 1]}",  # maps of 8, 4, 2 and 1
    "augment=null",
    "averaging=null",
    "precision=float32",
)


def train(recipe: str, corpus: str, *overrides: str) -> Run:
    return api.train(
        recipe, corpus, overrides, threads=1, device="cpu", console=Console(quiet=True)
    )


def test_an_odd_number_of_images_in_twos(dishes: Corpus) -> None:
    run = train("food/simple", "dishes", *ONE_PIXEL, "split.validation=0.15")
    assert run.metrics()[-1]["step"] == 25  # of 51 images


def test_windows_one_by_one_are_refused_before_anything_is_written(toy: Corpus) -> None:
    with pytest.raises(UserError, match=r"over frames.*batches\.size=2 or more, or a model"):
        train("phoneme/medium", "toy", "epochs=1", "batches.size=1", "model.norm=batch")
    assert not Path("runs").exists()


def test_windows_one_by_one_without_batch_normalisation(toy: Corpus) -> None:
    run = train(
        "phoneme/medium", "toy", "epochs=1", "batches.size=1", "model={kind: mlp, width: 4}"
    )
    assert run.info.state == "finished"


def test_the_only_image_is_refused_before_anything_is_written(home: Path) -> None:
    path = pack_path("1" * 64)
    with writing(
        path,
        features=ImageSpec(),
        classes=("red",),
        source=Source(reader="test", path="test"),
    ) as writer:
        for part in ("train", "validation", "test"):
            writer.add(f"{part}/0", np.full((9, 9, 3), 7, np.uint8), part=part, category=0)
    register("three", path)
    with pytest.raises(UserError, match="only one is there to train on: more data, or a model"):
        train("food/simple", "three", *ONE_PIXEL)
    assert not Path("runs").exists()


def test_utterances_of_one_frame_by_themselves(toy: Corpus) -> None:
    run = train(
        "phoneme/boss-small",
        "toy",
        "epochs=1",
        "batches={kind: utterances, size: 1, longest: 1}",
        "model.encoder={kind: tdnn, width: 4, dilations: [1, 2], norm: batch}",
    )
    assert math.isfinite(run.metrics()[-1]["train_loss"])
