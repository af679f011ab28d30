"""Training a small CNN on images: bossline against the usual way.

    python -m benchmarks.images --folder food/ --corpus food

The folder is the course's, with images training/CLASS_ID.jpg; without one, random pictures of its
layout are written for the run. The usual way opens, resizes and augments a JPEG an item with Pillow
(mirror, turn, brightness), in one process or with two workers; its model is the course's, of
torch's own modules, with the same layers as ours. Its best is bossline's precision, channels-last
memory and a fused AdamW. Both sides do the same augmentation. The first rows are batches alone, the
others whole steps: batch, forward, backward, AdamW. Files are warm in the page cache: the first
round reads them and does not count.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageEnhance
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler

from benchmarks import packed
from benchmarks.common import (
    exhausted,
    folder_and_corpus,
    gains,
    interleaved,
    print_table,
    source_arguments,
)
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus
from bossline.recipes import load_recipe
from bossline.tasks import lesson_of
from bossline.tasks.lesson import Lesson

BATCH, SIDE, WORKERS = 64, 64, 2
WIDTH, DEPTH, HIDDEN = 16, 5, 128  # of the model
DEGREES, BRIGHTNESS = 15, 0.3
CLASSES, IMAGES, PIXELS = 10, 60, 128  # of a folder of random pictures
RECIPE = (
    "epochs=1",
    f"model={{kind: cnn, width: {WIDTH}, depth: {DEPTH}, hidden: [{HIDDEN}]}}",
    f"batches={{kind: images, side: {SIDE}, size: {BATCH}}}",
    f"augment={{kind: images, flip: 0.5, rotation: {DEGREES}}}",
    f"augment.colour={{brightness: {BRIGHTNESS}}}",
)


class ImageDataset(Dataset[tuple[Tensor, int]]):
    """An item is a file that is opened, resized and augmented each time."""

    def __init__(self, files: list[Path], labels: list[int]) -> None:
        self.files, self.labels = files, labels

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.open(self.files[index]).convert("RGB").resize((SIDE, SIDE))
        if random.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        turn = random.uniform(-DEGREES, DEGREES)
        image = image.rotate(turn, resample=Image.Resampling.BILINEAR)
        factor = random.uniform(1 - BRIGHTNESS, 1 + BRIGHTNESS)
        image = ImageEnhance.Brightness(image).enhance(factor)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
        return pixels.float() / 255, self.labels[index]


Loader = DataLoader[tuple[Tensor, int]]


def loader(dataset: ImageDataset, steps: int, workers: int = 0) -> Loader:
    """Shuffled; an epoch is a round, so that workers load nothing ahead in the turn of others."""
    sampler = RandomSampler(dataset, num_samples=steps * BATCH)
    return DataLoader(
        dataset, BATCH, sampler=sampler, num_workers=workers, persistent_workers=workers > 0
    )


def usual_model(outputs: int) -> nn.Sequential:
    """(B, 3, S, S) -> (B, outputs)."""
    layers: list[nn.Module] = []
    width = 3
    for block in range(DEPTH):
        wider = WIDTH * min(2**block, 8)
        layers += [nn.Conv2d(width, wider, 3, padding=1), nn.BatchNorm2d(wider)]
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
        width = wider
    layers += [nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(width * 16, HIDDEN), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(HIDDEN, outputs))


def usual_training(task: Lesson[Any], batches: Loader, *, best: bool) -> Callable[[], float]:
    """A way for `interleaved`: train the model on a round's batches; its accuracy."""
    model = usual_model(len(task.classes))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=best)
    criterion = nn.CrossEntropyLoss()
    layout = torch.channels_last if best else torch.contiguous_format
    model.to(memory_format=layout)  # type: ignore[call-overload]

    def way() -> float:
        correct = 0.0
        for images, labels in batches:
            with task.runtime.autocast("auto" if best else "float32"):
                logits = model(images)
            loss = criterion(logits.float(), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            correct += (logits.argmax(1) == labels).float().mean().item()
        return correct / len(batches)

    return way


def our_training(task: Lesson[Any], steps: int) -> Callable[[], None]:
    """A way for `interleaved`: bossline's own training steps, as its loop takes them."""
    model = task.build_model()
    assert task.recipe.optimiser is not None  # the recipe's schema sees to it
    optimiser = task.recipe.optimiser.build(model)
    at = packed.positions(task)

    def way() -> None:
        packed.train_steps(task, model, optimiser, at, steps)

    return way


def write_random(folder: Path) -> None:
    """A folder of the course's layout, filled with random pictures."""
    (folder / "training").mkdir(parents=True)
    draw = np.random.default_rng(1)
    for number in range(CLASSES * IMAGES):
        coarse = Image.fromarray(draw.integers(0, 256, (16, 16, 3), np.uint8))
        image = coarse.resize((PIXELS, PIXELS), Image.Resampling.BICUBIC)
        image.save(folder / "training" / f"{number % CLASSES}_{number}.jpg")


def measure(
    folder: Path, corpus: Corpus, runtime: Runtime, steps: int, rounds: int
) -> list[list[str]]:
    """Rows of the table."""
    single, own = (
        lesson_of(load_recipe("food/simple", [*RECIPE, f"precision={each}"]), corpus, runtime)
        for each in ("float32", "auto")
    )
    files = [folder / f"{id}.jpg" for id in single.ids("train")]
    dataset = ImageDataset(files, single.truth("train").array.tolist())
    loaders = {
        "one process": loader(dataset, steps),
        f"{WORKERS} workers": loader(dataset, steps, WORKERS),
    }
    ways: dict[str, Callable[[], object]] = {
        f"batch: usual, {name}": exhausted(each) for name, each in loaders.items()
    }
    ways["batch: bossline"] = packed.batches_alone(single, steps)
    for name, each in loaders.items():
        ways[f"step: usual, {name}"] = usual_training(single, each, best=False)
        ways[f"step: usual, {name}, at its best"] = usual_training(single, each, best=True)
    ways["step: bossline, float32"] = our_training(single, steps)
    ways["step: bossline"] = our_training(own, steps)
    seconds = interleaved(ways, rounds)

    def row(way: str) -> list[str]:
        return [way, f"{steps * BATCH / seconds[way]:,.0f}", *gains(seconds, way, loaders)]

    return [row(way) for way in ways]


def main() -> None:
    arguments = source_arguments(__doc__, 10)
    runtime = Runtime.choose("cpu", arguments.threads)
    opened = folder_and_corpus(arguments.folder, arguments.corpus, write_random)
    with opened as (folder, corpus):
        rows = measure(folder, corpus, runtime, arguments.steps, arguments.rounds)
    print_table(
        [
            f"{BATCH} x {SIDE} x {SIDE} pixels ({runtime.describe('auto')})",
            "images a second",
            "over one process",
            f"over {WORKERS} workers",
        ],
        rows,
    )


if __name__ == "__main__":
    main()
