"""LDA of single frames: seconds and peak memory of the fit, bossline against scikit-learn.

    python -m benchmarks.lda
    python -m benchmarks.lda --corpus libriphone

Each side runs alone in a process of its own, on the same frames: Gaussian classes in a file that
is mapped into memory, or the training split of a corpus. The clock starts once all is imported.
What bossline reads from the map counts as its memory, as does what scikit-learn copies from it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmarks.common import print_table
from bossline.batches.windows import EVALUATION_BATCH
from bossline.core.runtime import Runtime
from bossline.data.store import open_corpus
from bossline.models.fitted.discriminant import LdaConfig
from bossline.recipes import load_recipe
from bossline.tasks import lesson_of
from bossline.tasks.lesson import Lesson

CLASSES, DIMS = 41, 39
KEYS = ("batches.frames=1", "model={kind: lda}")


def write_frames(folder: Path, count: int) -> None:
    """Frames (N, D) float16, as a packed corpus holds them, and labels (N,) int16.

    A few at a time: a process starts with the peak of the one that started it.
    """
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(CLASSES, DIMS)).astype(np.float32)
    with (folder / "frames").open("wb") as frames, (folder / "labels").open("wb") as labels:
        for start in range(0, count, 10_000):
            chosen = rng.integers(0, CLASSES, min(10_000, count - start), dtype=np.int16)
            noise = rng.standard_normal((len(chosen), DIMS), dtype=np.float32)
            (centres[chosen] + noise).astype(np.float16).tofile(frames)
            chosen.tofile(labels)


def mapped(folder: Path) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.int16]]:
    frames = np.memmap(folder / "frames", np.float16, mode="r").reshape(-1, DIMS)
    return frames, np.fromfile(folder / "labels", np.int16)


def batches(folder: Path) -> Iterator[tuple[Tensor, Tensor]]:
    frames, labels = mapped(folder)
    for start in range(0, len(labels), EVALUATION_BATCH):
        rows = slice(start, start + EVALUATION_BATCH)
        x = torch.from_numpy(frames[rows].astype(np.float32))
        yield x, torch.from_numpy(labels[rows].astype(np.int64))


def task_on(corpus: str) -> Lesson[Any]:
    return lesson_of(load_recipe("phoneme/floor", KEYS), open_corpus(corpus), Runtime.choose())


def fit_bossline(folder: Path, corpus: str | None) -> float:
    data = batches(folder) if corpus is None else (task := task_on(corpus)).once()
    began = time.perf_counter()
    classes, dims = (CLASSES, DIMS) if corpus is None else (len(task.classes), task.corpus.dim)
    LdaConfig().build(dims, classes).fit(data)
    return time.perf_counter() - began


def fit_sklearn(folder: Path, corpus: str | None) -> float:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    model = LinearDiscriminantAnalysis(solver="lsqr")  # the one that is as fast as covariance
    began = time.perf_counter()
    if corpus is None:
        frames, labels = mapped(folder)
        x = frames.astype(np.float32)
    else:
        task = task_on(corpus)
        x = np.concatenate(task.pieces("train")).astype(np.float32)
        labels = task.truth("train").array.astype(np.int16)
    model.fit(x, labels)
    return time.perf_counter() - began


WAYS = {"bossline": fit_bossline, "scikit-learn": fit_sklearn, "imports only": lambda *_: 0.0}


def in_fresh_process(way: str, folder: Path, corpus: str | None) -> tuple[float, float]:
    """Seconds, and peak resident bytes."""
    command = [sys.executable, "-m", "benchmarks.lda", "--way", way, "--folder", str(folder)]
    command += ["--corpus", corpus] if corpus else []
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, peak = json.loads(output)
    return seconds, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus")
    parser.add_argument("--frames", type=int, default=2_100_000, help="without a corpus")
    parser.add_argument("--way", choices=WAYS, help="fit in this process, print JSON")
    parser.add_argument("--folder", type=Path, help="of the frames that --way takes")
    arguments = parser.parse_args()
    if arguments.way:
        seconds = WAYS[arguments.way](arguments.folder, arguments.corpus)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps([seconds, peak]))
        return
    with tempfile.TemporaryDirectory() as name:
        if arguments.corpus is None:
            write_frames(Path(name), arguments.frames)
            what = f"{arguments.frames:,} frames of {DIMS}"
        else:
            task = task_on(arguments.corpus)
            what = f"{task.count('train'):,} frames of {task.corpus.dim}"
        found = {way: in_fresh_process(way, Path(name), arguments.corpus) for way in WAYS}
    print_table(
        [what, "seconds", "peak memory"],
        [
            [way, f"{seconds:.1f}" if seconds else "", f"{peak / 1e6:.0f} MB"]
            for way, (seconds, peak) in found.items()
        ],
    )


if __name__ == "__main__":
    main()
