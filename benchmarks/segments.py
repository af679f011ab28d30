"""Training a speaker model on random segments, speaker/simple: bossline against the usual way.

    python -m benchmarks.segments --folder Dataset/
    python -m benchmarks.segments --folder Dataset/ --corpus speakers

Dataset/ is the folder as the course hands it out; without one, random numbers of its layout are
written for the run. The usual way opens a file an item, cuts a segment and pads the batch: one
process, or with two workers. "Preloaded" has read all files into a list before, so cropping and
collating remain. Its model is the course's, of torch's own modules, one Transformer layer as ours;
it drops out attention weights, which bossline does not, and its feed-forward is narrower (256 for
320). Its best is all at once: preloaded, a fused AdamW, and bossline's precision. The first rows
are batches alone, the others whole steps: batch, forward, backward, AdamW, schedule. Files are warm
in the page cache: the first round reads them and does not count.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
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
from bossline.training.schedules import Span
from bossline.training.tally import Tally

BATCH, FRAMES = 32, 128
PADDING = -20.0  # about the logarithm of no energy
WORKERS = 2
SPEAKERS, UTTERANCES, SHORTEST, LONGEST = 100, 20, 200, 600  # of a folder of random numbers


class SegmentDataset(Dataset[tuple[Tensor, int]]):
    """A random segment of an utterance an item; what is a path is opened each time."""

    def __init__(self, utterances: list[Path] | list[Tensor], speakers: list[int]) -> None:
        self.utterances, self.speakers = utterances, speakers

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        source = self.utterances[index]
        frames = torch.load(source, weights_only=True) if isinstance(source, Path) else source
        if len(frames) > FRAMES:
            start = random.randint(0, len(frames) - FRAMES)
            frames = frames[start : start + FRAMES]
        return frames, self.speakers[index]


def collate(items: list[tuple[Tensor, int]]) -> tuple[Tensor, Tensor]:
    """(B, T, D) segments, (B,) speakers."""
    segments, speakers = zip(*items, strict=True)
    return (
        pad_sequence(list(segments), batch_first=True, padding_value=PADDING),
        torch.tensor(speakers),
    )


Loader = DataLoader[tuple[Tensor, int]]


def loader(dataset: SegmentDataset, steps: int, workers: int = 0) -> Loader:
    """Shuffled; an epoch is a round, so that workers load nothing ahead in the turn of others."""
    return DataLoader(
        dataset,
        BATCH,
        sampler=RandomSampler(dataset, num_samples=steps * BATCH),
        num_workers=workers,
        persistent_workers=workers > 0,
        collate_fn=collate,
        drop_last=True,
    )


class UsualClassifier(nn.Module):
    """(B, T, inputs) -> (B, outputs)."""

    def __init__(self, inputs: int, outputs: int, width: int = 80) -> None:
        super().__init__()
        self.prenet = nn.Linear(inputs, width)
        self.encoder = nn.TransformerEncoderLayer(
            d_model=width, dim_feedforward=256, nhead=2, batch_first=True
        )
        self.output = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs))

    def forward(self, segments: Tensor) -> Tensor:
        scores: Tensor = self.output(self.encoder(self.prenet(segments)).mean(1))
        return scores


def warmed_cosine(steps: int) -> Callable[[int], float]:
    """The factor of a step: a linear rise over the first tenth, then half a cosine to 0."""
    warmup = max(1, steps // 10)

    def factor(step: int) -> float:
        if step < warmup:
            return step / warmup
        return (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup))) / 2

    return factor


def usual_training(
    task: Lesson[Any], batches: Loader, precision: str = "float32", *, fused: bool = False
) -> Callable[[], float]:
    """A way for `interleaved`: train the usual model on a round's batches; its accuracy."""
    torch.manual_seed(1)
    model = UsualClassifier(task.corpus.dim, len(task.classes))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=fused)
    factor = warmed_cosine(task.steps_per_epoch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
    criterion = nn.CrossEntropyLoss()

    def way() -> float:
        running = correct = 0.0
        for segments, speakers in batches:
            with task.runtime.autocast(precision):
                scores = model(segments)
            loss = criterion(scores.float(), speakers)
            loss.backward()
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()
            running += loss.item()
            correct += (scores.argmax(1) == speakers).float().mean().item()
        return correct / len(batches)

    return way


def our_training(task: Lesson[Any], steps: int) -> Callable[[], None]:
    """A way for `interleaved`: bossline's own training steps, as its loop takes them."""
    model, recipe = task.build_model(), task.recipe
    assert recipe.optimiser is not None  # the recipe's schema sees to it
    peak = recipe.optimiser.lr
    optimiser = recipe.optimiser.build(model)
    span = Span(recipe.epochs, task.steps_per_epoch)
    tally = Tally(task.runtime.device, steps, task.metric)
    at = iter(range(span.steps_per_epoch))

    def way() -> None:
        for _ in range(steps):
            step = next(at)
            for group in optimiser.param_groups:
                group["lr"] = peak * recipe.schedule.factor(step, span)
            loss = task.loss(model, task.batch(0, step))
            optimiser.zero_grad(set_to_none=True)
            loss.mean.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            tally.add(loss)
        tally.read_recent()

    return way


def write_random(folder: Path) -> None:
    """A folder of the course's layout, filled with random numbers."""
    folder.mkdir()
    draw = random.Random(1)
    listed: dict[str, list[dict[str, str | int]]] = {}
    for speaker in range(SPEAKERS):
        entries = listed[f"id{speaker:05}"] = []
        for utterance in range(UTTERANCES):
            name = f"uttr-{speaker * UTTERANCES + utterance:032x}.pt"
            frames = torch.randn(draw.randint(SHORTEST, LONGEST), 40)
            torch.save(frames, folder / name)
            entries.append({"feature_path": name, "mel_len": len(frames)})
    numbers = {speaker: number for number, speaker in enumerate(listed)}
    names = {str(number): speaker for speaker, number in numbers.items()}
    mapping = {"speaker2id": numbers, "id2speaker": names}
    (folder / "metadata.json").write_text(json.dumps({"n_mels": 40, "speakers": listed}))
    (folder / "mapping.json").write_text(json.dumps(mapping))


def measure(
    folder: Path, corpus: Corpus, runtime: Runtime, steps: int, rounds: int
) -> list[list[str]]:
    """Rows of the table."""
    total = steps * (rounds + 1)  # the schedules span all that is trained, the warm-up round too
    batches = f"batches={{kind: segments, frames: {FRAMES}, size: {BATCH}, valid_every: {total}}}"
    single_frames = (
        "epochs=1",
        "model.frame_stack=1",
        "model.pooling.kind=mean",
    )  # as the course's
    single, own = (
        lesson_of(
            load_recipe("speaker/simple", [*single_frames, batches, f"precision={precision}"]),
            corpus,
            runtime,
        )
        for precision in ("float32", "auto")
    )
    files = [folder / corpus.ids[utterance] for utterance in single.splits["train"]]
    speakers = single.truth("train").array.tolist()
    opened = SegmentDataset(files, speakers)
    in_memory = SegmentDataset([torch.load(file, weights_only=True) for file in files], speakers)
    preloaded = loader(in_memory, steps)
    loaders = {
        "torch.load": loader(opened, steps),
        f"{WORKERS} workers": loader(opened, steps, WORKERS),
        "preloaded": preloaded,
    }
    ways: dict[str, Callable[[], object]] = {
        f"batch: usual, {name}": exhausted(each) for name, each in loaders.items()
    }
    ways["batch: bossline"] = packed.batches_alone(single, steps)
    for name, each in loaders.items():
        ways[f"step: usual, {name}"] = usual_training(single, each)
    ways["step: usual, at its best"] = usual_training(single, preloaded, "auto", fused=True)
    ways["step: bossline, float32"] = our_training(single, steps)
    ways["step: bossline"] = our_training(own, steps)
    seconds = interleaved(ways, rounds)

    def row(way: str) -> list[str]:
        return [
            way,
            f"{seconds[way] / steps * 1e3:.2f}",
            f"{steps / seconds[way]:.1f}",
            *gains(seconds, way, loaders),
        ]

    return [row(way) for way in ways]


def main() -> None:
    arguments = source_arguments(__doc__, 50)
    runtime = Runtime.choose("cpu", arguments.threads)
    opened = folder_and_corpus(arguments.folder, arguments.corpus, write_random)
    with opened as (folder, corpus):
        rows = measure(folder, corpus, runtime, arguments.steps, arguments.rounds)
    print_table(
        [
            f"{BATCH} x {FRAMES} frames ({runtime.describe('auto')})",
            "ms",
            "a second",
            "over torch.load",
            f"over {WORKERS} workers",
            "over preloaded",
        ],
        rows,
    )


if __name__ == "__main__":
    main()
