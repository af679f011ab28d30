"""YAML and key.path=value overrides -> a checked Recipe, with all errors at once."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from bossline.core.errors import UserError, did_you_mean, printable
from bossline.core.files import write_text
from bossline.recipes import catalogue
from bossline.recipes.overrides import Overrides, apply_overrides, as_text
from bossline.recipes.schema import kind_of, models_in
from bossline.tasks import TASKS, task_named
from bossline.tasks.recipe import Recipe

Checked = TypeVar("Checked", bound=BaseModel)

_SHOWN = 80  # characters of a value that does not fit
_MOST_SHOWN = 20  # errors in one message


def load_recipe(name: str, overrides: Overrides = ()) -> Recipe:
    """Read a recipe by name or path.

    Args:
        name: "phoneme/strong", or a path to a YAML file.
        overrides: ["model.width=1024"] and the like, or {"model.width": 1024}, at any depth and in
            any order; a number is a member of a list.

    Raises:
        UserError: unknown recipe or key (with the nearest), or a value that does not fit; all
            errors of a recipe in one message.
    """
    path = catalogue.find(name)
    content = catalogue.read_yaml(path)
    content.setdefault("name", name if path.parent.parent == catalogue.FOLDER else path.stem)
    apply_overrides(
        content,
        as_text(overrides),
        lambda known: check_recipe(known, where=name).model_dump(mode="json"),
    )
    return check_recipe(content, where=name)


def changed(recipe: Recipe, overrides: Sequence[str]) -> Recipe:
    """A recipe with overrides.

    Raises:
        UserError: as `load_recipe`.
    """
    content = recipe.model_dump(mode="json")
    apply_overrides(content, overrides, lambda known: known)
    return check_recipe(content, where=recipe.name)


def check_recipe(content: dict[str, Any], where: str) -> Recipe:
    """
    Raises:
        UserError: everything that does not fit, with its key path.
    """
    if "task" not in content:
        raise UserError(f"recipe {where}: task: missing; one of {', '.join(TASKS)}")
    try:
        task = task_named(content["task"])
    except UserError as error:
        raise UserError(f"recipe {where}: task: {error}") from error
    recipe: Recipe = checked(task.recipe, content, f"recipe {where}")
    return recipe


def checked(model: type[Checked], content: dict[str, Any], where: str) -> Checked:
    """What a file says, as its model has it.

    Raises:
        UserError: everything that does not fit, with its key path, a line each after `where`.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = error.errors()
        lines = [printable(_explain(dict(problem), model)) for problem in problems[:_MOST_SHOWN]]
        if len(problems) > _MOST_SHOWN:
            lines.append(f"and {len(problems) - _MOST_SHOWN:,} more")
        first = f"{where}: "
        raise UserError(first + f"\n{' ' * len(first)}".join(lines)) from error


def save_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe, every default spelled out; training from that file repeats the run."""
    dumped = recipe.model_dump(mode="json")
    write_text(path, yaml.safe_dump(dumped, sort_keys=False, allow_unicode=True))


def _explain(problem: dict[str, Any], model: type[BaseModel]) -> str:
    """One of pydantic's errors about a model in one line, with the key as the user writes it."""
    location = [str(step) for step in problem["loc"]]
    path, known, models = _resolve(location, model)
    if problem["type"] == "extra_forbidden":
        parent = path.rpartition(".")[0]
        full = [f"{parent}.{key}" if parent else key for key in known]
        elsewhere = [place for place in _key_paths(model) if place.endswith(f".{location[-1]}")]
        if elsewhere and not get_close_matches(path, full):
            return f"{path}: unknown key; did you mean '{min(elsewhere, key=len)}'?"
        return f"{path}: unknown key; {did_you_mean(path, full)}"
    if problem["type"] == "union_tag_invalid":
        kinds = [kind.strip(" '") for kind in problem["ctx"]["expected_tags"].split(",")]
        tag = str(problem["ctx"]["tag"])
        return f"{path}.kind: no kind '{tag}'; {did_you_mean(tag, kinds)}"
    if problem["type"] == "union_tag_not_found":
        kinds = sorted(map(kind_of, models))
        return f"{path}.kind: missing; one of {', '.join(kinds)}"
    if problem["type"] == "none_required":
        return f"{path}: not for this task: leave it out"
    if problem["type"] == "literal_error" and path.endswith(".kind"):
        kinds = [kind.strip(" '") for kind in problem["ctx"]["expected"].split(" or ")]
        return f"{path}: no kind '{problem['input']}'; {did_you_mean(str(problem['input']), kinds)}"
    if problem["type"] == "missing":
        return f"{path}: missing"
    message = str(problem["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    given = problem["input"]
    if not path:  # of the recipe as a whole
        return message
    if isinstance(given, dict) or problem["type"] == "value_error":
        return f"{path}: {message}"
    shown = repr(given)
    return f"{path}: {message}, not {shown if len(shown) <= _SHOWN else f'{shown[:_SHOWN]}...'}"


def _resolve(
    location: list[str], root: type[BaseModel]
) -> tuple[str, list[str], list[type[BaseModel]]]:
    """The key path as the user writes it, the keys known beside it, the configs that it takes."""
    models = [root]
    path, known = [], []
    for step in location:
        of_kind = [m for m in models if "kind" in m.model_fields and kind_of(m) == step]
        if of_kind and len(models) > 1:  # pydantic names the union's tag too; the user does not
            models = of_kind
            continue
        path.append(step)
        known = [key for model in models for key in model.model_fields]
        models = [
            inner
            for model in models
            if step in model.model_fields
            for inner in models_in(model.model_fields[step].annotation)
        ]
    return ".".join(path), known, models


def _key_paths(model: type[BaseModel], depth: int = 3) -> list[str]:
    """Keys of a recipe and of the parts in it."""
    found = []
    for key, field in model.model_fields.items():
        found.append(key)
        for inner in models_in(field.annotation) if depth > 1 else ():
            found += [f"{key}.{below}" for below in _key_paths(inner, depth - 1)]
    return found
