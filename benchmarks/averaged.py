"""One run of the weights of two that begin from the same: their mean.

    python -m benchmarks.averaged runs/one runs/other runs/both
    bossline evaluate runs/both

Two trainings from the same weights mostly end in one valley, and between them it is often lower
than at either end (Wortsman et al. 2022, "Model soups", arXiv 2203.05482). The new run is a copy of
the second one with other weights; it has the scores of that one until it is evaluated.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch
from safetensors.torch import load, save

from bossline.core.errors import UserError
from bossline.runs.run import Run
from bossline.training.contents import WEIGHTS


def averaged(one: Path, other: Path, share: float, output: Path) -> Run:
    """Write the run.

    Args:
        share: of the second one's weights.

    Raises:
        UserError: a run that is not to be had, runs of different models, or a folder that is there.
    """
    first, second = Run(one), Run(other)
    mine, theirs = load(first.read(WEIGHTS)), load(second.read(WEIGHTS))
    if {k: v.shape for k, v in mine.items()} != {k: v.shape for k, v in theirs.items()}:
        raise UserError(f"{one} and {other} are of different models")
    if output.exists():
        raise UserError(f"{output} is there already")
    mean = {
        name: torch.lerp(mine[name].float(), weight.float(), share).to(weight.dtype)
        if weight.is_floating_point()
        else weight
        for name, weight in theirs.items()
    }
    shutil.copytree(other, output)
    both = Run(output)
    both.write(WEIGHTS, save(mean))
    return both


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("one", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="of the second one")
    arguments = parser.parse_args()
    averaged(arguments.one, arguments.other, arguments.share, arguments.output)


if __name__ == "__main__":
    main()
