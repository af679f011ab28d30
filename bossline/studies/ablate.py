"""What is each part of a recipe worth? All of them, all but one, none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from bossline.core.errors import UserError, did_you_mean
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus
from bossline.data.store import name_of
from bossline.evaluation.scores import Scores
from bossline.recipes import Recipe, load_recipe
from bossline.recipes.loading import check_recipe
from bossline.recipes.naming import DECIDES_NOTHING, full_name
from bossline.runs.folders import study_folder
from bossline.runs.run import Run
from bossline.studies.kept import reach
from bossline.studies.standings import Entry, Standings
from bossline.tasks import lesson_of
from bossline.tasks.trained import TrainedModel

_TO_COMPARE = {*DECIDES_NOTHING, "task", "seed", "split"}  # the same in every variant
_ESSENTIAL = {"epochs", "batches", "model", "optimiser"}


@dataclass(frozen=True)
class Variant:
    """A recipe that differs from the one in question by a part, or by all parts."""

    name: str
    recipe: Recipe


@dataclass(frozen=True)
class Ablation:
    """A recipe as it is, and what is to be trained beside it."""

    recipe: Recipe
    variants: tuple[Variant, ...]

    @classmethod
    def of(cls, recipe: str, parts: Sequence[str], *, add: bool = False) -> Ablation:
        """Check every part before anything is trained.

        Args:
            recipe: "phoneme/boss", or a path to a YAML file.
            parts: keys that go back to their defaults one at a time, such as "augment"; with `add`
                "key=value", set one at a time. Of two parts or more all together come last.

        Raises:
            UserError: no such recipe or key (with the nearest), a key twice, a part that changes
                nothing, or one that decides more than how a model learns.
        """
        full = load_recipe(recipe)
        for key, count in Counter(part.partition("=")[0] for part in parts).items():
            if count > 1:
                raise UserError(f"{key} is given twice")
        variants = []
        for changed in [[part] for part in parts] + ([list(parts)] if len(parts) > 1 else []):
            what = changed[0] if len(changed) == 1 else "all"
            name = f"{'with' if add else 'without'} {what}"
            changed_recipe = _with(recipe, full, changed) if add else _without(full, changed)
            # A name of its own, by which pictures and run folders tell it from the others.
            of_variant = f"{full.name}-{re.sub(r'[^A-Za-z0-9_.=]+', '-', name)}"
            variants.append(Variant(name, changed_recipe.model_copy(update={"name": of_variant})))
        return cls(full, tuple(variants))


def ablation_folder(recipe: Recipe, corpus: str) -> Path:
    """Where the runs and the page of an ablation are."""
    return study_folder("ablate", recipe.name, corpus)


def ablate(
    recipe: str | Ablation,
    corpus: str | Path | Corpus,
    parts: Sequence[str] = (),
    *,
    add: bool = False,
    seeds: int = 1,
    device: str = "auto",
    threads: int | None = None,
    console: Console | None = None,
) -> Standings:
    """Train what is not trained yet, and hold every variant against the recipe as it is.

    A variant whose smoothing alone differs is not trained: it is the recipe's own runs, scored
    again.

    Args:
        recipe: "phoneme/boss", a path to a YAML file, or what `Ablation.of` made of it.
        corpus: a name given at import, the folder of a packed corpus, its URL, or an open one.
        parts: of the recipe, as `Ablation.of` takes them.
        add: parts are "key=value", set one at a time.
        seeds: runs of each variant: the recipe's seed and those that follow it.

    Raises:
        UserError: bad input.
        Interrupted: Ctrl-C or SIGTERM; the same call goes on.
    """
    ablation = recipe if isinstance(recipe, Ablation) else Ablation.of(recipe, parts, add=add)
    corpus = name_of(corpus)
    folder = ablation_folder(ablation.recipe, corpus)

    def trained(recipe: Recipe) -> tuple[Run, ...]:
        several = range(recipe.seed, recipe.seed + seeds)
        return tuple(
            reach(
                recipe.model_copy(update={"seed": seed}),
                corpus,
                folder,
                device=device,
                threads=threads,
                console=console,
            )
            for seed in several
        )

    base = ablation.recipe
    own = trained(base)
    entries = []
    for variant in ablation.variants:
        smoothed = variant.recipe.model_copy(
            update={"smoothing": base.smoothing, "name": base.name}
        )
        if smoothed == base:
            runtime = Runtime.choose(device, threads)
            scores = tuple(_rescored(run, variant.recipe, runtime) for run in own)
            entries.append(Entry(variant.name, own, scores))
        else:
            entries.append(_scored(variant.name, trained(variant.recipe)))
    return Standings.of(_scored(full_name(base), own), entries)


def _scored(name: str, runs: tuple[Run, ...]) -> Entry:
    return Entry(name, runs, tuple(run.scores["test"] for run in runs))


def _rescored(run: Run, recipe: Recipe, runtime: Runtime) -> Scores:
    """A run's test scores, had it been smoothed as another recipe has it."""
    if recipe.smoothing is None:
        return run.scores["test, unsmoothed"]
    lesson = lesson_of(recipe, run.corpus(), runtime)
    return lesson.score(TrainedModel(run, runtime), lesson.fit_smoother(), "test").scores


def _with(name: str, full: Recipe, parts: Sequence[str]) -> Recipe:
    """
    Raises:
        UserError: a key or a value that does not fit, or that changes nothing or too much.
    """
    for key in (part.partition("=")[0] for part in parts):
        if key.split(".")[0] in _TO_COMPARE:
            raise UserError(f"{key} is no part to add: all variants share it")
    changed = load_recipe(name, parts)
    if changed == full:
        raise UserError(f"{parts[0]} is already so in {full.name}")
    return changed


def _without(full: Recipe, parts: Sequence[str]) -> Recipe:
    """
    Raises:
        UserError: a part that is not there, off already, or that no recipe can do without.
    """
    on = _parts_of(full)
    for part in parts:
        if part not in on:
            raise UserError(_why_not(full, part, on))
    return _pruned(full, parts)


def _parts_of(recipe: Recipe) -> list[str]:
    """Keys that can be removed, and whose removal changes something."""
    found = []
    for key in _keys(recipe.model_dump(mode="json")):
        if _is_essential(key):
            continue
        try:
            changes = _pruned(recipe, [key]) != recipe
        except UserError:
            continue
        if changes:
            found.append(key)
    return found


def _is_essential(key: str) -> bool:
    return key in _ESSENTIAL or key.split(".")[0] in _TO_COMPARE or key.endswith(".kind")


def _why_not(recipe: Recipe, part: str, on: Sequence[str]) -> str:
    """Why a part cannot be removed, and which is near that can."""
    if _is_essential(part):
        return f"{part} cannot be removed from {recipe.name}: all its variants need it"
    node: Any = recipe.model_dump(mode="json")
    for depth, key in enumerate(keys := part.split(".")):
        if node is None:
            above = ".".join(keys[:depth])
            return f"{above} is already off in {recipe.name}: {did_you_mean(part, on)}"
        if not isinstance(node, dict) or key not in node:
            return f"no part '{part}' in {recipe.name}: {did_you_mean(part, on)}"
        node = node[key]
    try:
        _pruned(recipe, [part])
    except UserError:
        return f"{part} cannot be removed from {recipe.name}: it has no default"
    return f"{part} is already off in {recipe.name}, or at its default: {did_you_mean(part, on)}"


def _pruned(recipe: Recipe, keys: Sequence[str]) -> Recipe:
    """The recipe without some keys, so that the schema's defaults take their places.

    Raises:
        UserError: without them it is no recipe.
    """
    content = recipe.model_dump(mode="json")
    for key in keys:
        *parents, last = key.split(".")
        node: Any = content
        for parent in parents:
            node = node.get(parent) or {}  # which another key may have taken away as a whole
        node.pop(last, None)
    return check_recipe(content, where=recipe.name)


def _keys(content: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """All keys at any depth, with dots."""
    for key, value in content.items():
        yield above + key
        if isinstance(value, dict):
            yield from _keys(value, f"{above}{key}.")
