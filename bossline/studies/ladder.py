"""Climb a task's ladder: every rung on one corpus, each run kept and found again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bossline.core.counting import counted
from bossline.core.errors import UserError, did_you_mean
from bossline.data.packed import Corpus
from bossline.data.splits import split_corpus
from bossline.data.store import name_of, open_corpus
from bossline.recipes import Recipe, catalogue, load_recipe
from bossline.recipes.overrides import Overrides, as_text
from bossline.runs.folders import study_folder
from bossline.runs.run import Run
from bossline.studies.folds import Folds
from bossline.studies.kept import reach
from bossline.tasks import task_of
from bossline.tasks.recipe import FOR_GRADIENTS


def ladder_folder(task: str, corpus: str) -> Path:
    """Where the runs and the report of a ladder are."""
    return study_folder("ladder", task, corpus)


def ladder(
    task: str,
    corpus: str | Path | Corpus,
    overrides: Overrides = (),
    *,
    to: str | None = None,
    device: str = "auto",
    threads: int | None = None,
    console: Console | None = None,
) -> list[Run]:
    """Train every rung from the lowest up; finished ones are reused, interrupted ones resumed.

    A run's folder is named by recipe and corpus content, so a changed recipe is another run.

    Args:
        task: "phoneme", "speaker", "covid", "food" or "transcribe".
        corpus: a name given at import, the folder of a packed corpus, its URL, or an open one.
        overrides: for every rung, e.g. ["seed=2"] or {"seed": 2}; those of the model and its
            training pass by a rung that is fitted.
        to: the last rung to climb; None climbs all.

    Raises:
        UserError: bad input.
        Interrupted: Ctrl-C or SIGTERM; climbing again goes on.
    """
    recipes = _rungs(task, overrides, to)
    return _reach(recipes, task, name_of(corpus), device, threads, console)


def cross_validate(
    task: str,
    corpus: str | Path | Corpus,
    overrides: Overrides = (),
    *,
    folds: int,
    to: str | None = None,
    device: str = "auto",
    threads: int | None = None,
    console: Console | None = None,
) -> list[Folds]:
    """Climb a ladder on several folds, each of which tests on other items.

    Runs are kept and found again as in `ladder`; the first fold is the run that it would train.

    Args:
        folds: split.fold=0 to split.fold=folds - 1 are trained.

    Raises:
        UserError: bad input, or more folds than the recipes' split has.
        Interrupted: Ctrl-C or SIGTERM; the same call goes on.
    """
    opened = open_corpus(corpus)
    rungs = [_folds_of(recipe, folds, opened) for recipe in _rungs(task, overrides, to)]
    return [
        Folds(tuple(_reach(recipes, task, opened.name, device, threads, console)))
        for recipes in rungs
    ]


def _rungs(task: str, overrides: Overrides, to: str | None) -> list[Recipe]:
    names = catalogue.ladder(task)
    if to is not None:
        last = f"{task}/{to.removeprefix(f'{task}/')}"
        if last not in names:
            raise UserError(f"no rung '{to}': {did_you_mean(last, names)}")
        names = names[: names.index(last) + 1]
    return [_rung(name, as_text(overrides)) for name in names]


def _rung(name: str, overrides: Sequence[str]) -> Recipe:
    if load_recipe(name).model.fitted:
        networks = FOR_GRADIENTS | {"model"}
        overrides = [o for o in overrides if re.split("[.=]", o)[0] not in networks]
    return load_recipe(name, overrides)


def _folds_of(recipe: Recipe, folds: int, corpus: Corpus) -> list[Recipe]:
    split = recipe.split
    if split.fold > 0:
        raise UserError(
            f"{recipe.name}: split.fold={split.fold} is one fold, and a cross-validation sets it "
            "itself: leave it out"
        )
    if not 1 <= folds <= split.folds:
        raise UserError(
            f"{recipe.name}: cannot train {counted(folds, 'fold')}: split.test={split.test:g} "
            f"allows 1 to {split.folds}"
        )
    splits = [split.model_copy(update={"fold": fold}) for fold in range(folds)]
    for each in splits:
        split_corpus(corpus, each, task_of(recipe).labelled(corpus))  # refuses before training
    return [recipe.model_copy(update={"split": each}) for each in splits]


def _reach(
    recipes: Sequence[Recipe],
    task: str,
    corpus: str,
    device: str,
    threads: int | None,
    console: Console | None,
) -> list[Run]:
    folder = ladder_folder(task, corpus)
    return [
        reach(recipe, corpus, folder, device=device, threads=threads, console=console)
        for recipe in recipes
    ]
