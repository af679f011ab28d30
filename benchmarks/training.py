"""Training throughput: bossline against the usual way, equal model, batch 512, Adam, float32.

    python -m benchmarks.training --corpus libriphone

The usual way is given its optimiser twice: as notebooks write it (torch.optim.Adam's defaults), and
fused as in bossline. It materialises 300,000 frames only, so that its matrix fits any machine, and
drops out with torch's own module. The last column holds the arithmetic of bossline's median step
against the fastest of the torch.mm rounds in between (512 x 512 matrices): a ceiling, so that other
work on the machine cannot flatter the share.
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import nn

from benchmarks import packed, usual
from benchmarks.common import interleaved, print_table
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus
from bossline.data.store import open_corpus
from bossline.recipes import load_recipe
from bossline.tasks import lesson_of

BATCH = 512
USUAL_FRAMES = 300_000
PRODUCTS = 20  # timings of ten matrix products each, per round, for the sgemm rate
MODELS = {
    "3 frames, 2 x 64": (3, "{kind: mlp, depth: 2, width: 64}", 400),
    "21 frames, 6 x 512, batch norm, dropout 0.25": (
        21,
        "{kind: mlp, depth: 6, width: 512, norm: batch, dropout: 0.25}",
        40,
    ),
}


def flops_per_frame(model: nn.Module) -> float:
    """2 a multiply-add forward, 4 backward; the first layer needs no gradient of its input."""
    linear = [layer.weight.numel() for layer in model.modules() if isinstance(layer, nn.Linear)]
    return 6 * sum(linear) - 2 * linear[0]


def measure(
    corpus: Corpus, runtime: Runtime, width: int, model: str, steps: int, rounds: int
) -> tuple[dict[str, float], str]:
    """Median microseconds a frame of each way, and the part that "ours" reaches of sgemm's rate."""
    keys = [f"model={model}", f"batches={{kind: windows, frames: {width}, size: {BATCH}}}"]
    recipe = load_recipe("phoneme/simple", [*keys, "precision=float32", "optimiser.lr=1e-4"])
    task = lesson_of(recipe, corpus, runtime)
    dataset = usual.FrameDataset(*usual.materialise(corpus, width, USUAL_FRAMES))
    models = [task.build_model(), *(usual.plain(task.build_model()) for _ in range(2))]
    at, loaders = packed.positions(task), [usual.endless(dataset, BATCH) for _ in range(2)]
    assert recipe.optimiser is not None  # the schema sees to it
    ours = recipe.optimiser.build(models[0])
    plain = torch.optim.Adam(models[1].parameters(), lr=1e-4)
    fused = torch.optim.Adam(models[2].parameters(), lr=1e-4, fused=True)
    cpu = runtime.device
    a, b = torch.randn(BATCH, BATCH), torch.randn(BATCH, BATCH)
    products: list[float] = []

    def sgemm() -> None:
        for _ in range(PRODUCTS):
            began = time.perf_counter()
            for _ in range(10):
                torch.mm(a, b)
            products.append((time.perf_counter() - began) / 10)

    seconds = interleaved(
        {
            "ours": lambda: packed.train_steps(task, models[0], ours, at, steps),
            "usual": lambda: usual.train_steps(models[1], plain, loaders[0], steps, cpu),
            "fused": lambda: usual.train_steps(models[2], fused, loaders[1], steps, cpu),
            "sgemm": sgemm,
        },
        rounds,
    )
    ceiling = 2 * BATCH**3 / min(products)
    reached = flops_per_frame(models[0]) * steps * BATCH / seconds["ours"]
    micro = {way: value / steps / BATCH * 1e6 for way, value in seconds.items()}
    return micro, f"{reached / ceiling:.0%} of {ceiling / 1e9:.0f} GFLOP/s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", default="libriphone")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    corpus = open_corpus(arguments.corpus)
    runtime = Runtime.choose("cpu", arguments.threads)
    rows = []
    for name, (width, model, steps) in MODELS.items():
        micro, reached = measure(corpus, runtime, width, model, steps, arguments.rounds)
        rows.append(
            [
                name,
                f"{micro['usual']:.1f}",
                f"{micro['fused']:.1f}",
                f"{micro['ours']:.1f}",
                f"{micro['usual'] / micro['ours']:.2f}x",
                f"{micro['fused'] / micro['ours']:.2f}x",
                reached,
            ]
        )
    print_table(
        [
            f"model (µs a frame, {arguments.threads} thread)",
            "usual",
            "usual, fused Adam",
            "bossline",
            "gain",
            "gain, both fused",
            "bossline, of sgemm's rate",
        ],
        rows,
    )


if __name__ == "__main__":
    main()
