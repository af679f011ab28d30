"""The data's side: importing, parsing labels, fetching batches of windows.

    python -m benchmarks.data libriphone/ --corpus libriphone

Batches come from a default DataLoader, by `index_select` from the materialised matrix, and from the
packed frames. The first two hold 300,000 frames only; bossline holds all of them.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import torch

from benchmarks import usual
from benchmarks.common import interleaved, print_table
from bossline.batches.frames import frames_of
from bossline.data.importing import import_corpus
from bossline.data.labels import read_labels
from bossline.data.packed import Corpus
from bossline.data.store import open_corpus

BATCH, BATCHES = 512, 100
USUAL_FRAMES = 300_000


def usual_labels(path: Path) -> dict[str, list[int]]:
    """Line by line, word by word."""
    labels = {}
    for line in path.read_text().splitlines():
        id, *words = line.split()
        labels[id] = [int(word) for word in words]
    return labels


def usual_reading(folder: Path) -> int:
    """torch.load in a loop and labels in Python lists: no check, no packing."""
    usual_labels(folder / "train_labels.txt")
    frames = 0
    for part in ("train", "test"):
        for id in (folder / f"{part}_split.txt").read_text().split():
            frames += len(torch.load(folder / "feat" / part / f"{id}.pt", weights_only=True))
    return frames


def importing(folder: Path, rounds: int) -> list[list[str]]:
    """Rows on reading a LibriPhone folder."""

    def whole_import() -> Corpus:
        with tempfile.TemporaryDirectory() as home:
            os.environ["BOSSLINE_HOME"] = home
            return import_corpus(folder, "benchmark")

    labels = folder / "train_labels.txt"
    kept = os.environ.get("BOSSLINE_HOME")
    reading = interleaved(
        {"ours": whole_import, "usual": lambda: usual_reading(folder)}, rounds=rounds
    )
    os.environ.pop("BOSSLINE_HOME")
    if kept is not None:
        os.environ["BOSSLINE_HOME"] = kept
    parsing = interleaved(
        {"ours": lambda: read_labels(labels, 41), "usual": lambda: usual_labels(labels)}, rounds=5
    )
    return [
        [
            "import: hash, check, pack (ours); torch.load and split only (usual)",
            f"{reading['usual']:.2f} s",
            "",
            f"{reading['ours']:.2f} s",
            "",
        ],
        [
            "label text",
            f"{parsing['usual']:.2f} s",
            "",
            f"{parsing['ours']:.3f} s",
            f"{parsing['usual'] / parsing['ours']:.1f}x",
        ],
    ]


def fetching(corpus: Corpus, width: int, rounds: int) -> list[str]:
    """A row on a batch of 512 windows."""
    matrix, labels = usual.materialise(corpus, width, USUAL_FRAMES)
    loader = usual.endless(usual.FrameDataset(matrix, labels), BATCH)
    rows = torch.randint(len(matrix), (BATCHES, BATCH))
    labelled = [u for u in range(len(corpus)) if corpus.labelled[u]]
    pieces = [corpus.frames(u) for u in labelled]
    frames = frames_of(pieces, torch.device("cpu"), width)
    indices = torch.randint(len(frames), (BATCHES, BATCH))
    seconds = interleaved(
        {
            "ours": lambda: [frames.windows(batch) for batch in indices],
            "usual": lambda: [next(loader) for _ in range(BATCHES)],
            "matrix": lambda: [matrix.index_select(0, batch) for batch in rows],
        },
        rounds,
    )
    ours, theirs, selected = (seconds[way] / BATCHES * 1e3 for way in ("ours", "usual", "matrix"))
    return [
        f"a batch of {BATCH} windows of {width} frames",
        f"{theirs:.2f} ms",
        f"{selected:.2f} ms",
        f"{ours:.2f} ms",
        f"{theirs / ours:.1f}x",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a LibriPhone folder")
    parser.add_argument("--corpus", default="libriphone")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="for windows; importing takes all")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    corpus = open_corpus(arguments.corpus)
    rows = importing(arguments.folder, arguments.rounds)
    rows += [fetching(corpus, width, arguments.rounds) for width in (3, 11, 21)]
    print_table(["what", "usual", "matrix", "bossline", "gain over usual"], rows)


if __name__ == "__main__":
    main()
