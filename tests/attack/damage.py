"""Damage after damage, each from its seed and number alone."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from bossline import api
from bossline.recipes import load_recipe
from bossline.recipes.overrides import unreplaced
from tests.attack import recipes
from tests.attack.child import run_in_child
from tests.attack.judging import Verdict, judge, judge_end
from tests.attack.mutations import Mutation, mutate
from tests.attack.operations import NAME, QUIET, read_recipe, work_in
from tests.attack.results import Result
from tests.attack.targets import TRAININGS, Target, copied

SHARES = {"import": 10, "pack": 3, "run": 4, "align": 2, "recipe": 4, "train": 2}
"""How often each group is attacked."""


def group_of(seed: int, case: int) -> str:
    """Which group the case of this number attacks."""
    rng = random.Random(f"group/{seed}/{case}")
    return rng.choices(list(SHARES), list(SHARES.values()))[0]


class Damage:
    """The cases of a seed."""

    def __init__(self, seed: int, targets: Sequence[Target], scratch: Path) -> None:
        """
        Args:
            targets: at least those of the groups whose cases will be run.
        """
        self._seed, self._targets, self._scratch = seed, targets, scratch

    def run(self, case: int) -> Result:
        """The same for a seed and a number, whichever other cases ran before."""
        group = group_of(self._seed, case)
        rng = random.Random(f"{self._seed}/{case}")
        target = rng.choice([target for target in self._targets if target.group == group])
        canary = self._scratch / "canary"
        began = time.monotonic()
        if group == "train":
            operation, file, done, verdict = self._overridden(rng, target, canary)
        elif group == "recipe" and rng.randrange(3):
            operation, file, done, verdict = self._recipe(rng, target, canary)
        else:
            operation, file, done, verdict = self._damaged(rng, target, canary)
        if canary.exists():
            shutil.rmtree(canary)
            verdict = Verdict("executed", verdict.why)
        seconds = round(time.monotonic() - began, 3)
        return Result(
            "damage", self._seed, case, target.name, operation, file, done, verdict.outcome,
            verdict.why, seconds,
        )  # fmt: skip

    def _damaged(
        self, rng: random.Random, target: Target, canary: Path
    ) -> tuple[str, str, str, Verdict]:
        operation, file = rng.choice(list(target.operations)), rng.choice(target.files)
        clean = target.clean(operation, self._scratch)
        with copied(target.root, self._scratch / "case") as work:
            mutation: Mutation = mutate(rng, work / file, str(canary))
            ended = run_in_child(lambda: target.operations[operation](work))
            verdict = judge(target, ended, clean, file, mutation, work)
        return operation, str(file), f"{mutation.kind} {mutation.detail}", verdict

    def _recipe(
        self, rng: random.Random, target: Target, canary: Path
    ) -> tuple[str, str, str, Verdict]:
        """A trap in place of a recipe, a value exchanged, or overrides."""
        overrides: tuple[str, ...] = ()
        with copied(target.root, self._scratch / "case") as work:
            file = work / "recipe.yaml"
            match rng.randrange(3):
                case 0:
                    what, text = recipes.trap(rng, str(canary))
                    file.write_text(text, encoding="utf-8", errors="surrogatepass")
                case 1:
                    what = recipes.altered(rng, file)
                case _:
                    spelled = load_recipe(str(file)).model_dump(mode="json")
                    count = rng.choice([1, 1, 2, 3])
                    overrides = tuple(
                        recipes.override(rng, spelled, str(canary)) for _ in range(count)
                    )
                    what = " ".join(override[:80] for override in overrides)
            read = read_recipe("recipe.yaml", overrides)
            ended = run_in_child(lambda: read(work))
        verdict = judge_end(ended)
        if verdict is None and ended.how == "refused":
            named = "recipe.yaml" in ended.text or any(
                override.partition("=")[0].split(".")[-1] in ended.text for override in overrides
            )
            verdict = Verdict("refused" if named else "unnamed", ended.text)
        return f"read {target.layout}", "recipe.yaml", what, verdict or Verdict("undetectable")

    def _overridden(
        self, rng: random.Random, target: Target, canary: Path
    ) -> tuple[str, str, str, Verdict]:
        """Trained with one override more: it ends well, or it is refused, in time."""
        _, recipe, overrides = TRAININGS[target.layout]
        spelled = yaml.safe_load((target.root / "spelled.yaml").read_text(encoding="utf-8"))
        hostile = recipes.override(rng, spelled, str(canary))

        overrides = (*unreplaced(overrides, [hostile]), hostile)

        def train(work: Path) -> Any:
            work_in(work)
            trained = api.train(
                recipe, NAME, overrides, run="runs/a", device="cpu", threads=1, console=QUIET
            )
            return sorted(trained.scores)

        with copied(target.root, self._scratch / "case") as work:
            ended = run_in_child(lambda: train(work))
            left = [str(path.name) for path in work.glob("runs/*/*.part")]
        verdict = judge_end(ended)
        if verdict is None and ended.how == "refused":
            keys = [hostile.partition("=")[0], *recipes.leaves(spelled)]
            named = any(key.split(".")[-1] in ended.text for key in keys)
            verdict = Verdict("refused" if named else "unnamed", ended.text)
        if left:
            verdict = Verdict("silent", f"left behind: {left}")
        return f"train {target.layout}", "", hostile[:80], verdict or Verdict("equal")
