"""What pooling and head are worth to a speaker model: every pair of them, from several seeds.

    python -m benchmarks.pooling --corpus speakers

Every cell is a recipe trained from each seed, a run below runs/pooling/: trained, gone on with, or
found finished. Differences are to mean pooling with a linear head, the rows "every ..." the mean
difference along a row or column of the grid. Intervals are over test utterances and seeds, and the
verdicts are Holm's for the whole table.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path
from statistics import fmean

from rich.console import Console

from benchmarks.common import print_table
from bossline import api
from bossline.core.errors import UserError
from bossline.evaluation.comparison import average_difference, holm_adjusted
from bossline.evaluation.scores import Scores
from bossline.recipes import Recipe, load_recipe
from bossline.runs.run import Run

FOLDER = Path("runs/pooling")
SHARED = ("epochs=4", "batches.valid_every=250", "augment=null")
POOLINGS = ("mean", "self-attention", "attentive-statistics")  # the first is the reference
HEADS = ("linear", "am-softmax", "aam-softmax")

Cell = tuple[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--recipe", default="speaker/strong")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    console = Console()
    name = f"{arguments.recipe.replace('/', '-')}-{Path(arguments.corpus).name}"

    def trained(path: Path, recipe: Recipe) -> Run:
        if not (path / "run.json").is_file():
            return api.train(
                recipe,
                arguments.corpus,
                run=path,
                device=arguments.device,
                threads=arguments.threads,
                console=console,
            )
        if api.load_run(path).recipe != recipe:
            raise UserError(f"{path} was trained from another recipe: move it out of the way")
        return api.resume(path, console=console)

    def scored(pooling: str, head: str, seed: int) -> Scores:
        chosen = (f"model.pooling.kind={pooling}", f"model.head.kind={head}", f"seed={seed}")
        path = FOLDER / name / f"{pooling}-{head}-{seed}"
        return trained(path, load_recipe(arguments.recipe, (*SHARED, *chosen))).scores["test"]

    seeds = range(1, arguments.seeds + 1)
    scores: dict[Cell, list[Scores]] = {cell: [] for cell in product(POOLINGS, HEADS)}
    for seed, cell in product(seeds, scores):  # an unfinished table has whole grids in it
        scores[cell].append(scored(*cell, seed))

    print_table(
        ("pooling", "head", "test accuracy", "difference [95 %]", "p (Holm)", "verdict"),
        rows(scores),
    )


def rows(scores: dict[Cell, list[Scores]]) -> list[list[str]]:
    """The cells, then each pooling over every head, then each head over every pooling."""
    # What a row averages, and the cell that each of these is held against.
    against: dict[Cell, dict[Cell, Cell]] = {
        cell: {cell: (POOLINGS[0], HEADS[0])} for cell in scores
    }
    for pooling in POOLINGS:
        against[pooling, "every head"] = {(pooling, head): (POOLINGS[0], head) for head in HEADS}
    for head in HEADS:
        against["every pooling", head] = {
            (pooling, head): (pooling, HEADS[0]) for pooling in POOLINGS
        }

    compared = [
        row for row, pairs in against.items() if any(cell != base for cell, base in pairs.items())
    ]
    comparisons = holm_adjusted(
        [
            average_difference(
                [(scores[cell], scores[base]) for cell, base in against[row].items()]
            )
            for row in compared
        ]
    )
    found = dict(zip(compared, comparisons, strict=True))
    table = []
    for row, pairs in against.items():
        accuracy = fmean(run.score.value for cell in pairs for run in scores[cell])
        cells = [*row, f"{accuracy:.4f}"]
        if row in found:
            difference, p = found[row].difference, found[row].p
            interval = f"{difference.value:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]"
            table.append([*cells, interval, f"{p:.3f}", found[row].verdict])
        else:
            table.append([*cells, "", "", ""])
    return table


if __name__ == "__main__":
    main()
