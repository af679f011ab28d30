"""Peak memory of training with 21 frames on all labelled frames: bossline against the usual way.

    python -m benchmarks.memory --corpus libriphone

Each way runs alone in a process of its own, a few steps of it. The usual way needs some 8 GB.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys

import torch

from benchmarks import packed, usual
from benchmarks.common import print_table
from bossline.core.runtime import Runtime
from bossline.data.store import open_corpus
from bossline.recipes import load_recipe
from bossline.tasks import lesson_of

WIDTH, BATCH, STEPS = 21, 512, 5
KEYS = [
    "model={kind: mlp, depth: 6, width: 512, norm: batch, dropout: 0.25}",
    f"batches={{kind: windows, frames: {WIDTH}, size: {BATCH}}}",
    "precision=float32",
    # All but a handful of the labelled utterances train, as on the usual side.
    "split={by: utterance, validation: 0.001, test: 0.001}",
]


def run_way(way: str, corpus_name: str) -> None:
    """Train a few steps in this process."""
    runtime = Runtime.choose("cpu")
    corpus = open_corpus(corpus_name)
    if way == "baseline":
        return
    recipe = load_recipe("phoneme/simple", KEYS)
    task = lesson_of(recipe, corpus, runtime)
    model = task.build_model()
    assert recipe.optimiser is not None  # the schema sees to it
    optimiser = recipe.optimiser.build(model)
    if way == "bossline":
        packed.train_steps(task, model, optimiser, packed.positions(task), STEPS)
    else:
        windows, labels = usual.materialise(corpus, WIDTH, corpus.header.labelled_frames)
        batches = usual.endless(usual.FrameDataset(windows, labels), BATCH)
        usual.train_steps(usual.plain(model), optimiser, batches, STEPS, torch.device("cpu"))


def peak_of(way: str, corpus: str) -> float:
    """Peak resident memory in bytes of a fresh process that goes one way."""
    command = [sys.executable, "-m", "benchmarks.memory", "--corpus", corpus, "--way", way]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(output)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", default="libriphone")
    parser.add_argument("--way", choices=["baseline", "usual", "bossline"])
    arguments = parser.parse_args()
    if arguments.way:
        run_way(arguments.way, arguments.corpus)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
        return
    peaks = {way: peak_of(way, arguments.corpus) for way in ("baseline", "usual", "bossline")}
    print_table(
        ["21 frames, all labelled frames", "peak memory"],
        [
            ["imports and an open corpus only", f"{peaks['baseline'] / 1e9:.2f} GB"],
            ["the usual way", f"{peaks['usual'] / 1e9:.2f} GB"],
            ["bossline", f"{peaks['bossline'] / 1e9:.2f} GB"],
            ["ratio", f"1/{peaks['usual'] / peaks['bossline']:.1f}"],
        ],
    )


if __name__ == "__main__":
    main()
