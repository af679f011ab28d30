"""Steps of phoneme/medium on all cores, alone and beside another busy process: how threads wait.

    python -m benchmarks.busy --corpus libriphone

A thread of OpenMP that is done before the others can wait actively, on its core, or passively,
which leaves the core to whoever has work and takes a while to wake up. The environment says for how
long the one before the other, when torch is loaded. Each measurement is a process of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from benchmarks import packed
from benchmarks.common import print_table
from bossline.core.runtime import Runtime
from bossline.data.store import open_corpus
from bossline.recipes import load_recipe
from bossline.tasks import lesson_of

WARM, STEPS = 5, 40
WAYS: dict[str, dict[str, str]] = {
    "as torch comes": {},
    "shortly, as the command has it": {"GOMP_SPINCOUNT": "10000"},
    "passively": {"OMP_WAIT_POLICY": "passive"},
}
_BUSY = "while True: sum(range(100000))"


def seconds_of_steps(corpus: str) -> float:
    """Of this process, with all cores of the machine."""
    recipe = load_recipe("phoneme/medium", ["precision=float32"])
    task = lesson_of(recipe, open_corpus(corpus), Runtime.choose("cpu", os.cpu_count()))
    model = task.build_model()
    task.prepare(model)
    assert recipe.optimiser is not None  # the schema sees to it
    optimiser, at = recipe.optimiser.build(model), packed.positions(task)
    packed.train_steps(task, model, optimiser, at, WARM)
    began = time.perf_counter()
    packed.train_steps(task, model, optimiser, at, STEPS)
    return time.perf_counter() - began


def of_a_process(corpus: str, waiting: dict[str, str]) -> float:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}
    command = [sys.executable, "-m", "benchmarks.busy", "--corpus", corpus, "--way"]
    return float(
        subprocess.run(command, env=environment | waiting, check=True, capture_output=True).stdout
    )


@contextmanager
def beside(count: int) -> Iterator[None]:
    """So many processes that do nothing but keep a core busy."""
    busy = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", default="libriphone")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--way", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        print(seconds_of_steps(arguments.corpus))
        return
    found: dict[tuple[str, int], list[float]] = {}
    for _ in range(arguments.rounds):
        for count in (0, 1):
            for way, waiting in WAYS.items():
                with beside(count):
                    taken = of_a_process(arguments.corpus, waiting)
                found.setdefault((way, count), []).append(taken)
    print_table(
        [
            f"{STEPS} steps of phoneme/medium, {os.cpu_count()} threads that wait",
            "alone",
            "beside a busy process",
        ],
        [[way, *(f"{median(found[way, count]):.2f} s" for count in (0, 1))] for way in WAYS],
    )


if __name__ == "__main__":
    main()
