"""Forward and backward of a Conformer encoder in training: bossline against the usual way.

    python -m benchmarks.conformer
    python -m benchmarks.conformer --precision bfloat16

Equal widths and depth; the usual way (benchmarks/usual_conformer.py) has somewhat more parameters,
for its positions. It ignores padding, so it has one time whatever the lengths, and it drops out
attention weights, which bossline does not.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import torch
from torch import Tensor, nn

from benchmarks.common import interleaved, print_table
from benchmarks.usual_conformer import RelativeAttention, UsualConformer, sinusoids
from bossline.batches.padded import Padded
from bossline.core.runtime import Runtime
from bossline.models.attention import SelfAttention
from bossline.models.encoders.conformer import ConformerConfig
from bossline.models.positions import RotaryPositions

Autocast = Callable[[], AbstractContextManager[object]]

BATCH, FRAMES, WIDTH = 32, 128, 256
DEPTH, HEADS, KERNEL, DROPOUT = 4, 4, 31, 0.1


def backward_of(
    forward: Callable[[], Tensor], module: nn.Module, at: Tensor, autocast: Autocast
) -> Callable[[], None]:
    """A way for `interleaved`: forward, and backward from a random gradient shaped like `at`."""
    gradient = torch.randn_like(at)

    def way() -> None:
        module.zero_grad(set_to_none=True)
        with autocast():
            out = forward()
        out.backward(gradient.to(out.dtype))  # type: ignore[no-untyped-call]
        if at.is_cuda:
            torch.cuda.synchronize()

    return way


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto", help="auto takes a GPU where there is one")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="float32", help="float32, bfloat16 or auto")
    arguments = parser.parse_args()
    runtime = Runtime.choose(arguments.device, arguments.threads)
    torch.manual_seed(1)
    autocast = partial(runtime.autocast, arguments.precision)
    config = ConformerConfig(
        depth=DEPTH, width=WIDTH, heads=HEADS, feed_forward=4, kernel=KERNEL, dropout=DROPOUT
    )
    ours = config.build(WIDTH).to(runtime.device)
    usual = UsualConformer(
        WIDTH,
        depth=DEPTH,
        width=WIDTH,
        heads=HEADS,
        kernel=KERNEL,
        dropout=DROPOUT,
        longest=FRAMES,
    ).to(runtime.device)
    attention = SelfAttention(WIDTH, HEADS).to(runtime.device)
    rotation = RotaryPositions(WIDTH // HEADS).to(runtime.device)(FRAMES)
    usual_attention = RelativeAttention(WIDTH, HEADS, DROPOUT).to(runtime.device)
    distances = sinusoids(FRAMES, WIDTH).to(runtime.device)

    x = torch.randn(BATCH, FRAMES, WIDTH, device=runtime.device)
    within = x.clone().requires_grad_()  # within an encoder the gradient goes on to lower layers
    equal = torch.full((BATCH,), FRAMES, device=runtime.device)
    mixed = torch.linspace(FRAMES // 2, FRAMES, BATCH, device=runtime.device).long()
    padding = Padded.of(x, equal).padding
    seconds = interleaved(
        {
            "usual": backward_of(lambda: usual(x), usual, x, autocast),
            "equal": backward_of(lambda: ours(Padded.of(x, equal)).frames, ours, x, autocast),
            "mixed": backward_of(lambda: ours(Padded.of(x, mixed)).frames, ours, x, autocast),
            "usual attention": backward_of(
                lambda: usual_attention(within, distances), usual_attention, x, autocast
            ),
            "attention": backward_of(
                lambda: attention(within, padding, rotation), attention, x, autocast
            ),
        },
        arguments.rounds,
    )

    def row(what: str, theirs: str, way: str) -> list[str]:
        gain = seconds[theirs] / seconds[way]
        return [what, f"{seconds[theirs] * 1e3:.1f}", f"{seconds[way] * 1e3:.1f}", f"{gain:.2f}x"]

    counts = [sum(p.numel() for p in model.parameters()) for model in (usual, ours)]
    print_table(
        [
            f"ms, {BATCH} x {FRAMES} frames of {WIDTH} ({runtime.describe(arguments.precision)})",
            "usual",
            "bossline",
            "gain",
        ],
        [
            row(f"{DEPTH} layers, all lengths {FRAMES}", "usual", "equal"),
            row(f"{DEPTH} layers, lengths {FRAMES // 2} to {FRAMES}", "usual", "mixed"),
            row("attention of one layer", "usual attention", "attention"),
            ["parameters", *(f"{count:,}" for count in counts), ""],
        ],
    )


if __name__ == "__main__":
    main()
