"""What a recipe is called: a rung by its name, with what was changed in it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any

import yaml

from bossline.core.config import Config
from bossline.core.errors import UserError
from bossline.recipes import catalogue
from bossline.recipes.loading import load_recipe
from bossline.tasks.recipe import Recipe

DECIDES_NOTHING = frozenset(("name", "about", "target"))
"""Keys of a recipe that change nothing of what is trained."""

_MOST_SHOWN = 4  # changes in a name


def full_name(recipe: Recipe, without: Collection[str] = ()) -> str:
    """Its own name, and what was changed: "phoneme/strong (batches.frames=21, model.depth=2)".

    Args:
        recipe: a name of its own stays as it is.
        without: keys that the reader knows of, such as the seed of one run among several.
    """
    return with_changes(
        recipe.name, [change for key, change in changes(recipe).items() if key not in without]
    )


def with_changes(name: str, changes: Sequence[str]) -> str:
    """
    >>> with_changes("phoneme/strong", ["epochs=3"]), with_changes("phoneme/strong", [])
    ('phoneme/strong (epochs=3)', 'phoneme/strong')
    """
    if not changes:
        return name
    more = len(changes) - _MOST_SHOWN
    shown = changes if more < 2 else [*changes[:_MOST_SHOWN], f"{more} more"]
    return f"{name} ({', '.join(shown)})"


def changes(recipe: Recipe) -> dict[str, str]:
    """How a recipe differs from the rung whose name it bears, as overrides by their keys."""
    rung = _built_in(recipe.name)
    if rung is None or rung.task != recipe.task:
        return {}
    return {
        key: f"{key}={text}"
        for key, text in _differences(rung, recipe)
        if key not in DECIDES_NOTHING
    }


def sentence(recipe: Recipe) -> str:
    """What a recipe says of itself; nothing where that was said of a rung before it was changed."""
    said_of = [rung for rung in _rungs(recipe.task) if rung.about == recipe.about]
    same = [rung for rung in said_of if not any(_changed_keys(rung, recipe))]
    return recipe.about if same or not said_of else ""


def _changed_keys(rung: Recipe, recipe: Recipe) -> Iterator[str]:
    aside = {*DECIDES_NOTHING, "seed", "split.fold"}
    return (key for key, _ in _differences(rung, recipe) if key not in aside)


@cache
def _built_in(name: str) -> Recipe | None:
    try:
        return load_recipe(name) if name in catalogue.names() else None
    except UserError:  # of a kind that an extension brings
        return None


def _rungs(task: str) -> list[Recipe]:
    names = catalogue.ladder(task) if task in catalogue.tasks() else []
    return [rung for name in names if (rung := _built_in(name)) is not None]


def _differences(before: Config, after: Config, above: str = "") -> Iterator[tuple[str, str]]:
    """Keys with another value, and what it is now; of another kind the part as a whole."""
    for key in type(after).model_fields:
        old, new = getattr(before, key, None), getattr(after, key)
        if old == new:
            continue
        if isinstance(old, Config) and isinstance(new, Config) and type(old) is type(new):
            yield from _differences(old, new, f"{above}{key}.")
        else:
            yield above + key, _as_text(new)


def _as_text(value: Any) -> str:
    """As an override has it, what a part leaves to its defaults left out."""
    plain: Any
    if isinstance(value, Config):
        plain = value.model_dump(mode="json", exclude_defaults=True)
        kind = getattr(value, "kind", None)
        plain = plain if kind is None else {"kind": kind, **plain}
    elif isinstance(value, str):
        return value
    elif isinstance(value, tuple | list) and any(isinstance(one, Config) for one in value):
        plain = [one.model_dump(mode="json", exclude_defaults=True) for one in value]
    else:
        return json.dumps(value, default=str, ensure_ascii=False)
    text = yaml.safe_dump(plain, default_flow_style=True, width=10_000, sort_keys=False)
    return text.strip()
