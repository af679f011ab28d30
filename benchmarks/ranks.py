"""Two processes that share every batch against one process with two threads, on CPUs by gloo.

    python -m benchmarks.ranks

Whole steps as the loop takes them: batch, forward, backward, gradients summed, optimiser. Both ways
train the same global batches of random numbers in LibriPhone's shapes. The ways take turns, each
in processes of its own, and a round's first steps do not count. On one machine's CPUs it is mostly
a measure of what exchanging costs: threads share memory, processes copy all gradients.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import socket
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks.common import print_table
from bossline.core.ranks import joining
from bossline.core.runtime import Runtime
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.writer import writing
from bossline.models.shared_norms import share_statistics
from bossline.recipes import load_recipe
from bossline.tasks import lesson_of
from bossline.training.contract import StepLoss
from bossline.training.tally import Tally

UTTERANCES, SHORTEST, LONGEST, CLASSES = 120, 300, 900, 41
WARM = 2  # steps that do not count

RECIPES = {
    "phoneme/medium": ("phoneme/medium",),
    "phoneme/strong": ("phoneme/strong",),
    "a Conformer, with batch norm": (
        "phoneme/boss-small",
        "batches.size=3000",
        "model={kind: tagger, stack: 2, encoder: {kind: conformer, width: 144, depth: 4}}",
    ),
}
WAYS = {"1 process, 2 threads": (1, 2), "2 processes, 1 thread each": (2, 1)}


def write_random(path: Path) -> None:
    """A packed corpus of labelled utterances."""
    rng = np.random.default_rng(1)
    with writing(
        path,
        features=FeatureSpec(kind="other", dim=39),
        classes=tuple(f"p{number}" for number in range(CLASSES)),
        source=Source(reader="random", path=""),
    ) as writer:
        for number in range(UTTERANCES):
            length = int(rng.integers(SHORTEST, LONGEST))
            frames = rng.normal(size=(length, 39)).astype(np.float32)
            labels = rng.integers(0, CLASSES, length)
            writer.add(f"u{number}", frames, part="train", labels=labels, speaker=f"s{number % 20}")


def work(
    told: dict[str, str], threads: int, path: Path, arguments: Any, steps: int, heard: Connection
) -> None:
    """What a process does; rank 0 tells frames a second."""
    os.environ.update(told)
    name, *overrides = arguments
    recipe = load_recipe(name, [*overrides, "precision=float32"])
    with joining() as ranks:
        task = lesson_of(recipe, Corpus(path), Runtime.choose("cpu", threads))
        model = task.build_model()
        ranks.equalise(model)
        share_statistics(model, ranks)
        assert recipe.optimiser is not None  # the schema sees to it
        optimiser = recipe.optimiser.build(model)
        tally = Tally(torch.device("cpu"), WARM + steps, task.metric)
        count, began = 0, 0.0
        for step in range(WARM + steps):
            if step == WARM:
                ranks.wait()
                count, began = 0, time.perf_counter()
            ranks.seed(recipe.seed, step)
            loss = task.loss(model, task.batch(*divmod(step, task.steps_per_epoch)))
            optimiser.zero_grad(set_to_none=True)
            loss = StepLoss(*ranks.backward(loss.mean, loss.count, loss.score, model))
            optimiser.step()
            tally.add(loss)
            count += loss.count
        tally.read_recent()
        if ranks.writes:
            heard.send(count / (time.perf_counter() - began))


def measured(world: int, threads: int, path: Path, arguments: Any, steps: int) -> float:
    """Frames a second of so many processes."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    context = multiprocessing.get_context("spawn")
    heard, told = context.Pipe(duplex=False)
    processes = []
    for rank in range(world):
        each = {
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(world),
            "MASTER_ADDR": "localhost",
            "MASTER_PORT": port,
        }
        process = context.Process(target=work, args=(each, threads, path, arguments, steps, told))
        process.start()
        processes.append(process)
    told.close()  # so that a process that ends without a word is no endless wait
    rate: float = heard.recv()
    for process in processes:
        process.join()
    return rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pack"
        write_random(path)
        for name, recipe in RECIPES.items():
            rates: dict[str, list[float]] = {way: [] for way in WAYS}
            for _ in range(arguments.rounds):
                for way, (world, threads) in WAYS.items():
                    rates[way].append(measured(world, threads, path, recipe, arguments.steps))
                    print(f"{name}, {way}: {rates[way][-1]:,.0f}", file=sys.stderr)
            one, two = (median(rates[way]) for way in WAYS)
            rows.append([name, f"{one:,.0f}", f"{two:,.0f}", f"{two / one:.2f}x"])
    print_table(["frames a second", *WAYS, "ratio"], rows)


if __name__ == "__main__":
    main()
