"""The attacks' command line: what came of each, what failed and how to see it again, counts.

    python -m tests.attack --cases 10000 --jobs 2
    python -m tests.attack --kills 300 --crash-points 300 --bombs 1000
    python -m tests.attack --minutes 30 --seed 7        all of them
    python -m tests.attack --seed 7 --of damage --case 123

Exit code 1 where anything failed.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

# Before torch: a process whose torch has used several threads cannot be forked.
os.environ["OMP_NUM_THREADS"] = "1"

import torch

from tests.attack import bombs, kills
from tests.attack.damage import SHARES, Damage, group_of
from tests.attack.results import Result, counts, table
from tests.attack.targets import Target, build

_WARM = (
    "bossline.data.features.log_mel", "matplotlib.pyplot", "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "soundfile", "soxr", "torch.utils.tensorboard", "torch._dynamo",
)  # fmt: skip
"""Imported once, before the processes of the cases are forked."""

_DEATHS = ("kills", "crash-points")
_TIMES = {"kills": 0.15, "crash-points": 0.15, "damage": 1.0}
"""The share of the time that is left when each begins."""


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.attack",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=0, help="damage to files and recipes")
    parser.add_argument("--kills", type=int, default=0, help="SIGKILLs at random instants")
    parser.add_argument("--crash-points", type=int, default=0, help="SIGKILLs at the disk's door")
    parser.add_argument("--bombs", type=int, default=0, help="small files that promise much")
    parser.add_argument("--minutes", type=float, help="bombs, and the others for so long")
    parser.add_argument("--only", action="append", choices=list(SHARES), help="damage of these")
    parser.add_argument("--of", choices=[*_TIMES, "bombs"], default="damage")
    parser.add_argument("--case", type=int, help="one case again, of this attack")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, help="all results, as JSON lines")
    parser.add_argument("--markdown", action="store_true", help="the counts as a table for docs")
    return parser.parse_args(given)


def _warm_up() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for name in _WARM:
        try:
            importlib.import_module(name)
        except ImportError:  # of an extra
            continue
    gc.freeze()


def _groups(options: argparse.Namespace) -> frozenset[str]:
    """Of the targets that are attacked."""
    groups = set[str]()
    if options.case is not None and options.of == "damage":
        groups |= {group_of(options.seed, options.case)}
    elif options.cases or options.minutes:
        groups |= set(options.only or SHARES)
    if options.kills or options.crash_points or options.minutes or options.of in _DEATHS:
        groups |= kills.GROUPS
    if options.bombs or options.minutes or options.of == "bombs":
        groups |= bombs.GROUPS
    return frozenset(groups)


def _cases(
    attack: str, options: argparse.Namespace, targets: Sequence[Target], scratch: Path
) -> Callable[[int], Result]:
    if attack == "bombs":
        return bombs.Bombs(options.seed, targets, scratch).run
    if attack == "damage":
        return Damage(options.seed, targets, scratch).run
    return kills.Kills(options.seed, attack, targets, scratch).run


def _results(
    options: argparse.Namespace, job: int, targets: Sequence[Target], scratch: Path
) -> Iterator[Result]:
    """Of the cases of one job: every so manieth."""
    end = time.monotonic() + 60 * options.minutes if options.minutes else None
    if options.bombs or end:
        planted = bombs.Bombs(options.seed, targets, scratch)
        count = min(options.bombs or len(planted), len(planted))
        for number in range(job, count, options.jobs):
            yield planted.run(number * len(planted) // count)
    wanted = {
        "kills": options.kills, "crash-points": options.crash_points, "damage": options.cases
    }  # fmt: skip
    for attack, share in _TIMES.items():
        if not wanted[attack] and end is None:
            continue
        now = time.monotonic()
        until = None if end is None else now + share * (end - now)
        run, case = _cases(attack, options, targets, scratch), job
        while time.monotonic() < until if until else case < wanted[attack]:
            if attack != "damage" or group_of(options.seed, case) in (options.only or SHARES):
                yield run(case)
            case += options.jobs


def _work(options: argparse.Namespace, job: int, targets: Sequence[Target], folder: Path) -> None:
    scratch = folder / f"job-{job}"
    scratch.mkdir()
    with (folder / f"{job}.jsonl").open("w", encoding="utf-8") as stream:
        for result in _results(options, job, targets, scratch):
            stream.write(result.line() + "\n")
            stream.flush()
            if not result.good:
                print(result, flush=True)


def _in_jobs(options: argparse.Namespace, targets: Sequence[Target], folder: Path) -> list[Result]:
    """All results, once every job has ended.

    Raises:
        SystemExit: one of them failed itself.
    """
    children = {}
    for job in range(options.jobs):
        if not (child := os.fork()):
            try:
                _work(options, job, targets, folder)
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(3)
            os._exit(0)
        children[child] = job
    ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    if any(ended):
        sys.exit("the attack itself failed: see above")
    lines = [
        line
        for job in range(options.jobs)
        for line in (folder / f"{job}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    if options.out:
        options.out.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return [Result(**json.loads(line)) for line in lines]


def main(given: Sequence[str] | None = None) -> int:
    """The exit code."""
    options = _arguments(given)
    if not (
        options.cases or options.kills or options.crash_points or options.bombs or options.minutes
    ):
        options.cases = 1000
    _warm_up()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="attack-") as name:
        folder = Path(name)
        targets = build(folder / "targets", _groups(options))
        if options.case is not None:
            result = _cases(options.of, options, targets, folder)(options.case)
            print(result)
            return 0 if result.good else 1
        results = _in_jobs(options, targets, folder)
    took = time.monotonic() - began
    print(table(counts(results), markdown=options.markdown))
    failed = sum(not result.good for result in results)
    print(f"\n{len(results)} cases in {took:.0f} s with seed {options.seed}; {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
