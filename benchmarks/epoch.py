"""An epoch of phoneme/strong on all labelled frames: bossline against the usual way, same device.

    python -m benchmarks.epoch --corpus libriphone --compile graphs

The usual way trains a part of an epoch, which is then scaled to a whole one; on a GPU its float32
products use TF32 too. bossline takes the recipe's own precision, bfloat16 where the device has it;
`--precision float32` leaves that gain out.
"""

from __future__ import annotations

import argparse
import sys
import time
from statistics import median

import torch

from benchmarks import usual
from benchmarks.common import print_table
from benchmarks.gpu import Steps
from bossline.batches.windows import WindowConfig
from bossline.core.runtime import Runtime
from bossline.data.store import open_corpus
from bossline.recipes import load_recipe
from bossline.tasks import lesson_of

USUAL_FRAMES = 400_000
USUAL_STEPS = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", default="libriphone")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--epochs", type=int, default=5, help="timed; the median counts")
    parser.add_argument("--compile", choices=["off", "graphs"], default="off", help="bossline's")
    parser.add_argument("--precision", default="auto", help="bossline's: auto, float32, bfloat16")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        sys.exit("no GPU here; --device cpu measures on the processor")
    runtime = Runtime.choose(arguments.device, compile=arguments.compile)
    corpus = open_corpus(arguments.corpus)
    # All but a handful of the labelled utterances train.
    keys = ["split={by: utterance, validation: 0.001, test: 0.001}"]
    recipe = load_recipe("phoneme/strong", [*keys, f"precision={arguments.precision}"])
    task = lesson_of(recipe, corpus, runtime)
    training = Steps(task, recipe)
    for _ in range(20):
        training.step()
    seconds = []
    for _ in range(arguments.epochs):
        training.wait()
        began = time.perf_counter()
        for _ in range(task.steps_per_epoch):
            training.step()
        training.wait()
        seconds.append(time.perf_counter() - began)
    ours = median(seconds)

    frames, size = len(task.training), recipe.batches.size
    assert isinstance(recipe.batches, WindowConfig)
    dataset = usual.FrameDataset(*usual.materialise(corpus, recipe.batches.frames, USUAL_FRAMES))
    model = usual.plain(task.build_model())
    plain = torch.optim.AdamW(model.parameters(), lr=1e-4)
    batches = usual.endless(dataset, size)
    usual.train_steps(model, plain, batches, 3, runtime.device)
    training.wait()
    began = time.perf_counter()
    usual.train_steps(model, plain, batches, USUAL_STEPS, runtime.device)
    training.wait()
    theirs = (time.perf_counter() - began) / (USUAL_STEPS * size) * frames

    print_table(
        [f"an epoch of {frames:,} frames on {runtime.describe(recipe.precision)}", "seconds"],
        [
            [f"the usual way, float32 ({USUAL_STEPS} steps, scaled)", f"{theirs:.1f}"],
            ["bossline", f"{ours:.1f}"],
            ["gain", f"{theirs / ours:.1f}x"],
        ],
    )


if __name__ == "__main__":
    main()
