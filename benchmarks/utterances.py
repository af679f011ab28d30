"""Training on whole utterances, the LSTM of phoneme/boss-small in float32: ours and the usual way.

    python -m benchmarks.utterances --corpus libriphone

Four ways train equal models on the same utterances, in as many batches: bossline, bucketed by
length; its encoder on random batches, which tells the gain of the encoder from that of the buckets;
the usual way (benchmarks/usual_lstm.py) on those random batches, packed; and not packed, which is
another function: its way back reads the padding first. A step is a fetch, forward, cross entropy,
backward and fused AdamW. The utterances are whole buckets of an epoch, spread evenly over the
lengths, so padding is about that of the epoch. Packed goes one batch a round only, and still takes
most of the time: on a CPU, its backward makes a gradient as large as the whole batch for each time
step.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmarks.common import interleaved, print_table
from benchmarks.usual_lstm import NO_LABEL, UsualLstm, UtteranceDataset, collate
from bossline.batches.padded import Padded
from bossline.batches.shapes import Buckets
from bossline.batches.utterances import Ints
from bossline.core.runtime import Runtime
from bossline.data.store import open_corpus
from bossline.models.encoders.rnn import RnnConfig
from bossline.models.tagger import Tagger, TaggerConfig

FRAMES = 12_000  # of a batch, padding left out
PACKED_STEPS = 1
DROPOUT = 0.3
ENCODER = RnnConfig(cell="lstm", depth=3, width=256, dropout=DROPOUT, front=5, front_width=128)


def spread_buckets(lengths: Ints, steps: int, rng: np.random.Generator) -> list[Ints]:
    """So many of an epoch's batches, from the shortest utterances to the longest."""
    shuffled = [batch for batch, _ in Buckets(lengths, FRAMES).shuffled(rng)]
    batches = sorted(shuffled, key=lambda batch: float(lengths[batch].mean()))
    steps = min(steps, len(batches))
    return [batches[(2 * step + 1) * len(batches) // (2 * steps)] for step in range(steps)]


def ours_loss(model: Tagger, frames: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    """Of a collated batch; lengths come from the CPU."""
    batch = Padded.of(frames, lengths.cpu())
    return nn.functional.cross_entropy(model(batch), labels[batch.mask])


def usual_loss(model: UsualLstm, frames: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    logits = model(frames, lengths).flatten(0, 1)
    return nn.functional.cross_entropy(logits, labels.flatten(), ignore_index=NO_LABEL)


def training(
    model: nn.Module,
    loss_of: Callable[..., Tensor],
    dataset: UtteranceDataset,
    batches: list[Ints],
    device: torch.device,
) -> Callable[[], None]:
    """A way for `interleaved`: train the model on these batches."""
    model.to(device)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    loader = DataLoader(
        dataset, batch_sampler=[batch.tolist() for batch in batches], collate_fn=collate
    )

    def way() -> None:
        for frames, labels, lengths in loader:
            loss = loss_of(model, frames.to(device), labels.to(device), lengths)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return way


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", default="libriphone")
    parser.add_argument("--device", default="auto", help="auto takes a GPU where there is one")
    parser.add_argument("--steps", type=int, default=4, help="batches of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    runtime = Runtime.choose(arguments.device, arguments.threads)
    corpus = open_corpus(arguments.corpus)
    labelled = np.flatnonzero(corpus.labelled).tolist()
    lengths = corpus.lengths[labelled]
    dataset = UtteranceDataset(
        [torch.from_numpy(corpus.frames(u).astype("float32")) for u in labelled],
        [torch.from_numpy(corpus.frame_labels(u).astype("int64")) for u in labelled],
    )
    rng = np.random.default_rng(1)
    buckets = spread_buckets(lengths, arguments.steps, rng)
    chosen = np.concatenate(buckets)
    shuffled = np.array_split(rng.permutation(chosen), len(buckets))
    batches = {
        "packed": shuffled[:PACKED_STEPS],
        "padded": shuffled,
        "random": shuffled,
        "ours": buckets,
    }

    torch.manual_seed(1)
    dim, classes = corpus.dim, len(corpus.header.classes)
    tagger = TaggerConfig(encoder=ENCODER, dropout=DROPOUT)
    models = {
        "packed": UsualLstm(ENCODER, DROPOUT, dim, classes, packs=True),
        "padded": UsualLstm(ENCODER, DROPOUT, dim, classes, packs=False),
        "random": tagger.build(dim, classes),
        "ours": tagger.build(dim, classes),
    }
    counts = {sum(p.numel() for p in model.parameters()) for model in models.values()}
    assert len(counts) == 1, f"models of different sizes: {counts}"
    losses: dict[str, Callable[..., Tensor]] = {
        "packed": usual_loss,
        "padded": usual_loss,
        "random": ours_loss,
        "ours": ours_loss,
    }
    seconds = interleaved(
        {
            way: training(models[way], losses[way], dataset, batches[way], runtime.device)
            for way in models
        },
        arguments.rounds,
    )
    frames = {way: int(lengths[np.concatenate(parts)].sum()) for way, parts in batches.items()}
    rates = {way: frames[way] / seconds[way] for way in models}

    def row(name: str, way: str) -> list[str]:
        filled = sum(int(lengths[batch].max()) * len(batch) for batch in batches[way])
        gains = (f"{rates[way] / rates[other]:.2f}x" for other in ("packed", "padded"))
        return [name, f"{1 - frames[way] / filled:.1%}", f"{rates[way]:,.0f}", *gains]

    print_table(
        [
            f"{frames['ours']:,} frames in {len(buckets)} batches, {counts.pop():,} parameters "
            f"({runtime.describe('float32')})",
            "padding",
            "real frames a second",
            "over usual, packed",
            "over usual, padded",
        ],
        [
            row(f"usual, packed ({frames['packed']:,} of the frames)", "packed"),
            row("usual, padded", "padded"),
            row("bossline's encoder, random batches", "random"),
            row("bossline", "ours"),
        ],
    )


if __name__ == "__main__":
    main()
