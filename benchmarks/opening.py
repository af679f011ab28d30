"""Opening a packed corpus: in a fresh process, and again; then reading one utterance of it.

    python -m benchmarks.opening --corpus libriphone

The clock starts once bossline is imported, and the file is warm in the page cache. What the usual
way does instead, loading every file, is in benchmarks/data.py.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from itertools import pairwise
from statistics import median

from benchmarks.common import print_table
from bossline.data.store import open_corpus


def measure(name: str) -> list[float]:
    """Seconds to open, to open again, and to read the middle utterance."""
    marks = [time.perf_counter()]
    corpus = open_corpus(name)
    marks.append(time.perf_counter())
    again = open_corpus(name)
    marks.append(time.perf_counter())
    again.frames(len(corpus) // 2).astype("float32").sum()
    marks.append(time.perf_counter())
    return [after - before for before, after in pairwise(marks)]


def in_fresh_process(name: str) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.opening", "--corpus", name, "--once"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds: list[float] = json.loads(output)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", default="libriphone")
    parser.add_argument("--processes", type=int, default=11)
    parser.add_argument("--once", action="store_true", help="measure in this process, print JSON")
    arguments = parser.parse_args()
    if arguments.once:
        print(json.dumps(measure(arguments.corpus)))
        return
    runs = [in_fresh_process(arguments.corpus) for _ in range(arguments.processes)]
    first, again, reading = (median(column) * 1e3 for column in zip(*runs, strict=True))
    print_table(
        [f"a corpus of {open_corpus(arguments.corpus).header.frames:,} frames", "ms"],
        [
            ["open, fresh process", f"{first:.2f}"],
            ["open again", f"{again:.2f}"],
            ["first read of one utterance", f"{reading:.2f}"],
        ],
    )


if __name__ == "__main__":
    main()
