"""What ten times the data costs: the time of a step, the memory of a training, the import's pace.

    python -m benchmarks.growth --hours 2

Random frames in LibriPhone's layout, of 1, 3 and 10 times so many hours, are imported and trained
on for some steps, each in a process of its own; steps are timed in one process, where sizes take
turns. Memory has two columns: what the process keeps for itself, and the most that was resident,
pages of mapped shards that were touched among it: the kernel takes these back when it wants.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks import packed
from benchmarks.common import interleaved, machine, print_table
from bossline.core.memory import keep_freed_memory
from bossline.core.runtime import Runtime
from bossline.data.importing import import_corpus
from bossline.data.store import open_corpus
from bossline.recipes import load_recipe
from bossline.tasks import lesson_of
from bossline.tasks.lesson import Lesson

SIZES = (1, 3, 10)
FRAMES_PER_HOUR = 360_000
LENGTH = 616  # frames of an utterance, as long as LibriPhone's are on average
STEPS_OF_A_ROUND, TIMINGS = 10, 21


def write_source(folder: Path, hours: float, seed: int) -> None:
    """A LibriPhone folder of random frames, which float16 keeps, and labels."""
    rng = np.random.default_rng(seed)
    features = folder / "feat" / "train"
    features.mkdir(parents=True)
    ids, lines = [], []
    for number in range(max(20, round(hours * FRAMES_PER_HOUR / LENGTH))):
        length = int(rng.integers(LENGTH // 2, LENGTH * 3 // 2))
        frames = rng.standard_normal((length, 39), np.float32).astype(np.float16)
        id = f"{number % 40}-1-{number}"
        torch.save(torch.from_numpy(frames.astype(np.float32)), features / f"{id}.pt")
        ids.append(id)
        lines.append(" ".join([id, *map(str, rng.integers(41, size=length))]))
    (folder / "train_split.txt").write_text("".join(f"{id}\n" for id in ids))
    (folder / "train_labels.txt").write_text("".join(f"{line}\n" for line in lines))


def importing(folder: str, name: str, processes: int) -> dict[str, float]:
    """Import in this process."""
    began = time.perf_counter()
    corpus = import_corpus(Path(folder), name, processes=processes, fresh=True)
    seconds = time.perf_counter() - began
    return {
        "frames": corpus.header.frames,
        "shards": len(corpus.header.shards),
        "rate": corpus.header.frames / seconds,
        "peak": resident("VmHWM"),
    }


def opened(name: str, recipe_name: str) -> Lesson[Any]:
    return lesson_of(load_recipe(recipe_name), open_corpus(name), Runtime.choose("cpu", 1))


def way_of(lesson: Lesson[Any], steps: int) -> Callable[[], float]:
    """So many steps of a training of its own."""
    model = lesson.build_model()
    assert lesson.recipe.optimiser is not None  # the schema sees to it
    optimiser = lesson.recipe.optimiser.build(model)
    at = packed.positions(lesson)
    return lambda: packed.train_steps(lesson, model, optimiser, at, steps)


def training(name: str, recipe: str, steps: int) -> dict[str, float]:
    """Train in this process, and say what memory it took."""
    keep_freed_memory()
    way_of(opened(name, recipe), steps)()
    return {"own": resident("RssAnon"), "peak": resident("VmHWM")}


def stepping(names: str, recipe: str, rounds: int) -> dict[str, float]:
    """Seconds of a step on each corpus."""
    keep_freed_memory()
    ways = {}
    for name in names.split(","):
        lesson = opened(name, recipe)
        for _ in lesson.training.in_order():  # else the first steps map the shards' pages
            pass
        ways[name] = way_of(lesson, STEPS_OF_A_ROUND)
    return {name: s / STEPS_OF_A_ROUND for name, s in interleaved(ways, rounds).items()}


def resident(field: str) -> int:
    """Bytes of this process, as Linux tells them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024


def apart(*arguments: str) -> dict[str, float]:
    """What this module prints when it is run so, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.growth", "--apart", *arguments]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(output)
    return found


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {key: median(found[key] for found in rounds) for key in rounds[0]}


def measured(
    hours: float, recipe: str, steps: int, rounds: int, home: Path
) -> list[dict[str, Any]]:
    """A row a size."""
    cores = os.cpu_count() or 1
    ways: dict[int, dict[str, tuple[str, ...]]] = {}
    for size in SIZES:
        folder, name = home / f"source-{size}", f"growth-{size}"
        write_source(folder, size * hours, seed=size)
        ways[size] = {
            "one": ("importing", str(folder), name, "1"),
            "all": ("importing", str(folder), name, str(cores)),
            "training": ("training", name, recipe, str(steps)),
        }
    found: dict[tuple[int, str], list[dict[str, float]]] = {}
    for _ in range(rounds):
        for size, way in ways.items():
            for what, arguments in way.items():
                found.setdefault((size, what), []).append(apart(*arguments))
    names = [way["training"][1] for way in ways.values()]
    seconds = apart("stepping", ",".join(names), recipe, str(TIMINGS))
    rows = []
    for size, name in zip(SIZES, names, strict=True):
        one, all_, trained = (medians(found[size, what]) for what in ("one", "all", "training"))
        rows.append(
            {
                "size": size,
                "hours": size * hours,
                "frames": one["frames"],
                "shards": one["shards"],
                "step_ms": seconds[name] * 1e3,
                "own_mb": trained["own"] / 1e6,
                "resident_mb": trained["peak"] / 1e6,
                "import_frames_per_second_one_process": one["rate"],
                "import_frames_per_second": all_["rate"],
                "import_peak_mb": all_["peak"] / 1e6,
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=2.0, help="of 1x")
    parser.add_argument("--recipe", default="phoneme/medium")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3, help="of imports and trainings")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    parser.add_argument("--apart", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.apart:
        what, source, name, count = arguments.apart
        way = {"importing": importing, "training": training, "stepping": stepping}[what]
        print(json.dumps(way(source, name, int(count))))
        return
    with tempfile.TemporaryDirectory() as home:
        os.environ["BOSSLINE_HOME"] = home
        rows = measured(
            arguments.hours, arguments.recipe, arguments.steps, arguments.rounds, Path(home)
        )
    if arguments.json:
        told = {"machine": machine(), "recipe": arguments.recipe, "rows": rows}
        arguments.json.write_text(json.dumps(told, indent=2) + "\n")
    print_table(
        [
            arguments.recipe,
            "frames (shards)",
            "step",
            "own memory",
            "resident",
            "import, 1 process",
            f"import, {os.cpu_count()} processes",
            "its peak",
        ],
        [
            [
                f"{row['size']}x, {row['hours']:g} h",
                f"{row['frames']:,.0f} ({row['shards']:.0f})",
                f"{row['step_ms']:.1f} ms",
                f"{row['own_mb']:,.0f} MB",
                f"{row['resident_mb']:,.0f} MB",
                f"{row['import_frames_per_second_one_process']:,.0f} frames/s",
                f"{row['import_frames_per_second']:,.0f} frames/s",
                f"{row['import_peak_mb']:,.0f} MB",
            ]
            for row in rows
        ],
    )


if __name__ == "__main__":
    main()
