"""Killed at any instant and begun again, everything ends as if nothing had happened.

Two ways to die: SIGKILL after a random time; and SIGKILL at the n-th time that the process touches
the disk (opens a file to write it, renames, removes, makes a folder, flushes), so that every state
that a crash may leave behind comes up.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bossline import api
from bossline.core.errors import UserError
from bossline.runs.run import Run
from bossline.training import loop
from tests.attack import operations
from tests.attack.child import run_in_child
from tests.attack.operations import NAME, QUIET, Operation
from tests.attack.results import Result
from tests.attack.targets import TRAININGS, Target, copied

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_TOUCHES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod"}
_TRAINED = ("phoneme", "average", "speaker", "covid")
_SECONDS = 60.0


@dataclass(frozen=True)
class Scenario:
    """Something that is begun, killed, and begun again."""

    name: str
    root: Path
    begin: Operation
    again: Operation


@dataclass(frozen=True)
class _Whole:
    """What comes of it when nobody kills it."""

    value: Any
    files: frozenset[str]
    touches: int
    seconds: float


def _watch_disk(touched: Callable[[], None]) -> None:
    """Call a function before each access of this process that changes the disk."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _TOUCHES:
            touched()
        elif event == "open" and str(arguments[0]) != os.devnull:
            mode, flags = arguments[1], arguments[2]
            if any(c in str(mode or "") for c in "wax+") or (flags or 0) & _WRITES:
                touched()

    sys.addaudithook(hook)
    flush = os.fsync

    def touch_and_flush(handle: Any) -> None:
        touched()
        flush(handle)

    # No audit event tells of a flush.
    setattr(os, "fsync", touch_and_flush)  # noqa: B010


def _counted(operation: Operation, work: Path) -> Any:
    """The outcome, and how often the disk was touched."""
    touches = 0

    def touched() -> None:
        nonlocal touches
        touches += 1

    _watch_disk(touched)
    value = operation(work)
    return [value, touches]


def _dying(operation: Operation, work: Path, point: int) -> Any:
    left = point

    def touched() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    _watch_disk(touched)
    return operation(work)


def _train(training: str) -> Operation:
    _, recipe, overrides = TRAININGS[training]

    def operation(work: Path) -> Any:
        operations.work_in(work)
        loop.train.__defaults__ = (loop.Cadence(checkpoint_seconds=0, bar_seconds=0), None)
        run = api.train(
            recipe, NAME, overrides, run="runs/a", device="cpu", threads=1, console=QUIET
        )
        return operations.outcome_of(run.path)

    return operation


def _train_again(training: str) -> Operation:
    """Gone on with; begun again where the crash came before there was a run."""
    begin = _train(training)

    def operation(work: Path) -> Any:
        operations.work_in(work)
        loop.train.__defaults__ = (loop.Cadence(checkpoint_seconds=0, bar_seconds=0), None)
        try:
            Run("runs/a")
        except UserError:
            return begin(work)
        return operations.resume(work)

    return operation


def _calibrate(work: Path) -> Any:
    from bossline import api as verification

    operations.work_in(work)
    verification.evaluate_trials("runs/a", "trials.txt", score_norm="as-norm")
    return verification.calibrate("runs/a", "trials.txt").model_dump(mode="json")


def _report(work: Path) -> Any:
    """The page itself, for it is written in one go."""
    operations.report(work)
    return len((work / "runs/a/report.html").read_text(encoding="utf-8"))


GROUPS = frozenset({"import", "run", "train"})
"""Of targets that the scenarios begin with."""


def _scenarios(targets: Sequence[Target]) -> list[Scenario]:
    """All that writes."""
    trainings = {target.layout: target.root for target in targets if target.group == "train"}
    roots = {target.name: target.root for target in targets}
    found = [
        Scenario(f"train {name}", trainings[name], _train(name), _train_again(name))
        for name in _TRAINED
    ]
    for target in targets:
        if target.group == "import":
            brought = target.operations["import"]
            found.append(Scenario(f"import {target.layout}", target.root, brought, brought))
    voices, phonemes = roots["run of speaker"], roots["run of phoneme"]
    for name, root, operation in (
        ("evaluate phoneme", phonemes, operations.evaluate),
        ("evaluate speaker", voices, operations.evaluate),
        ("report", phonemes, _report),
        ("enroll", voices, operations.enroll),
        ("trials and calibrate", voices, _calibrate),
    ):
        found.append(Scenario(name, root, operation, operation))
    return found


def _files(work: Path) -> frozenset[str]:
    """All that a user may find, but for TensorBoard's own names and the lock."""
    return frozenset(
        str(path.relative_to(work))
        for path in work.rglob("*")
        if "tensorboard" not in path.parts and path.name != ".lock"
    )


class Kills:
    """The cases of a seed, of one of the two ways."""

    def __init__(self, seed: int, way: str, targets: Sequence[Target], scratch: Path) -> None:
        """
        Args:
            way: "kills" or "crash-points".
            targets: at least those of GROUPS.
        """
        self._seed, self._way, self._scratch = seed, way, scratch
        self._scenarios = _scenarios(targets)
        self._wholes: dict[str, _Whole] = {}

    def _whole(self, scenario: Scenario) -> _Whole:
        if scenario.name not in self._wholes:
            with copied(scenario.root, self._scratch / "whole") as work:
                ended = run_in_child(lambda: _counted(scenario.begin, work), seconds=_SECONDS)
                if ended.how != "returned":
                    raise AssertionError(f"{scenario.name}, undisturbed: {ended}")
                value, touches = ended.value
                self._wholes[scenario.name] = _Whole(value, _files(work), touches, ended.seconds)
        return self._wholes[scenario.name]

    def run(self, case: int) -> Result:
        """The scenario of this number, killed up to three times and then let be."""
        rng = random.Random(f"{self._way}/{self._seed}/{case}")
        scenario = rng.choice(self._scenarios)
        whole = self._whole(scenario)
        began = time.monotonic()
        deaths = []
        outcome, why = "equal", ""
        with copied(scenario.root, self._scratch / "case") as work:
            for death in range(rng.choice([1, 1, 2, 3])):
                operation = scenario.again if death else scenario.begin
                deaths.append(self._killed(rng, operation, work, whole))
            ended = run_in_child(lambda: scenario.again(work), seconds=_SECONDS)
            if ended.how == "refused":
                outcome, why = "stuck", ended.text
            elif ended.how != "returned":
                outcome, why = "crash", ended.text
            elif ended.value != whole.value:
                outcome, why = "different", f"{whole.value} -> {ended.value}"[:600]
            elif other := _files(work) ^ whole.files:
                outcome, why = "left behind", ", ".join(sorted(other))
        seconds = round(time.monotonic() - began, 3)
        return Result(
            self._way, self._seed, case, scenario.name, "", "", "; ".join(deaths), outcome, why,
            seconds,
        )  # fmt: skip

    def _killed(self, rng: random.Random, operation: Operation, work: Path, whole: _Whole) -> str:
        if self._way == "kills":
            instant = rng.uniform(0, whole.seconds)
            run_in_child(lambda: operation(work), seconds=instant)
            return f"after {instant:.3f} s"
        point = rng.randrange(whole.touches)
        run_in_child(lambda: _dying(operation, work, point), seconds=_SECONDS)
        return f"before access {point} of {whole.touches}"
