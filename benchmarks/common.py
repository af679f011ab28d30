"""What the benchmarks share: the machine's name, interleaved medians, a table for the docs."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import torch

from bossline.data.importing import import_corpus
from bossline.data.packed import Corpus
from bossline.data.store import open_corpus


def machine() -> str:
    """Processor, cores and torch, in one line."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text().splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        name = names[0] if names else name
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{name}, {os.cpu_count()} cores{gpu}, torch {torch.__version__}"


def interleaved(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each way; the ways take turns, so that a busy machine hits all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()  # warm caches and allocators
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
    return {name: median(values) for name, values in seconds.items()}


def gains(seconds: Mapping[str, float], way: str, usual: Iterable[str]) -> list[str]:
    """How many times as fast "WHAT: ..." is as each of "WHAT: usual, NAME"."""
    what, _, _ = way.partition(": ")
    return [f"{seconds[f'{what}: usual, {name}'] / seconds[way]:.2f}x" for name in usual]


def source_arguments(description: str | None, steps: int) -> argparse.Namespace:
    """The command line of a benchmark that reads a source's files, and their corpus.

    Args:
        steps: batches of a round by default.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--folder", type=Path, help="the course's folder")
    parser.add_argument("--corpus", help="what the folder was imported as; else it is imported")
    parser.add_argument("--steps", type=int, default=steps, help="batches of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.corpus and not arguments.folder:
        parser.error("--corpus wants its --folder")
    return arguments


def exhausted(batches: Iterable[object]) -> Callable[[], None]:
    """A way for `interleaved`: a round's batches, and nothing done with them."""

    def way() -> None:
        for _ in batches:
            pass

    return way


@contextmanager
def folder_and_corpus(
    folder: Path | None, corpus: str | None, write_random: Callable[[Path], None]
) -> Iterator[tuple[Path, Corpus]]:
    """A source and its corpus: imported before, imported now, or of random numbers for the while.

    Args:
        folder: the source; None has one written.
        corpus: what the folder was imported as; None imports it.
        write_random: writes a source into a folder that is not there yet.
    """
    with tempfile.TemporaryDirectory() as temporary:
        if folder is None:
            folder = Path(temporary) / "source"
            write_random(folder)
        if corpus is not None:
            yield folder, open_corpus(corpus)
        else:
            os.environ["BOSSLINE_HOME"] = temporary
            yield folder, import_corpus(folder, "benchmark")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Markdown, ready for docs/benchmarks.md."""
    print(f"\n{machine()}\n")
    print(f"| {' | '.join(columns)} |")
    print(f"|{' --- |' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
