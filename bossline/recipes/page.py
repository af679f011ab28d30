"""A recipe to look at, and as a commented page to begin one's own from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from bossline.core.errors import UserError
from bossline.core.files import write_text
from bossline.recipes.loading import load_recipe
from bossline.recipes.overrides import Overrides
from bossline.recipes.schema import Key, key_of, keys_below, names_of
from bossline.tasks import TASKS
from bossline.tasks.recipe import Recipe

_WIDTH = 100  # of a page


@dataclass(frozen=True)
class Setting:
    """A key as a recipe has it.

    Attributes:
        value: as plain data.
        opened: whether its own keys follow, in place of a value.
    """

    key: Key
    value: Any
    opened: bool = False


def recipe(
    name: str, overrides: Overrides = (), *, output: str | Path | None = None
) -> list[Setting]:
    """A recipe's keys in the order of its page, every default spelled out.

    Args:
        name: "phoneme/strong", or a path to a YAML file.
        overrides: as for `train`.
        output: a .yaml to write: the same keys with what they mean, to begin one's own from.

    Raises:
        UserError: as `load_recipe`, or the file is there already or cannot be written.
    """
    loaded = load_recipe(name, overrides)
    settings = list(_settings(loaded, ""))
    if output is not None:
        _write(loaded, settings, Path(output))
    return settings


def recipe_keys(path: str = "", of: str | None = None) -> dict[Key, tuple[str, ...]]:
    """The keys below one, with the tasks whose recipes have them.

    Args:
        path: "model.encoder"; "" for a recipe's own keys.
        of: a task or a recipe, whose task counts; None: all tasks that have the key.

    Raises:
        UserError: no such task, recipe or key, with the nearest.
    """
    if of is not None:
        task = of if of in TASKS else load_recipe(of).task
        return dict.fromkeys(keys_below(TASKS[task].recipe, path), (task,))
    found: dict[Key, tuple[str, ...]] = {}
    unknown: list[UserError] = []
    for task in TASKS:
        try:
            keys = keys_below(TASKS[task].recipe, path)
        except UserError as error:
            unknown.append(error)
            continue
        for key in keys:
            found[key] = (*found.get(key, ()), task)
    if not found:
        raise unknown[0]
    return found


def _settings(part: BaseModel, above: str, kinds: tuple[str, ...] = ()) -> Iterator[Setting]:
    """
    Args:
        kinds: that may stand in the part's place.
    """
    model = type(part)
    for name in names_of(model):
        key, value = key_of(model, name, above), getattr(part, name)
        if name == "kind":
            key = replace(key, choices=kinds)
        if isinstance(value, BaseModel):
            yield Setting(key, None, opened=True)
            yield from _settings(value, key.path, key.choices)
        elif isinstance(value, tuple) and any(isinstance(each, BaseModel) for each in value):
            yield Setting(key, None, opened=True)
            for place, each in enumerate(value):
                yield from _settings(each, f"{key.path}.{place}", key.choices)
        else:
            yield Setting(key, part.model_dump(mode="json", include={name})[name])


def explained(key: Key) -> str:
    """What a key may be, and what it means.

    >>> explained(Key("epochs", "integer, at least 1", (), 1, "passes over the training split"))
    'integer, at least 1: passes over the training split'
    """
    choices = [*key.choices, "null"] if key.type.endswith("or null") else key.choices
    if len(choices) == 1 and key.meaning:
        return key.meaning
    what = " | ".join(choices) if key.choices else key.type
    return f"{what}: {key.meaning}" if key.meaning else what


def _write(loaded: Recipe, settings: list[Setting], path: Path) -> None:
    if path.suffix not in (".yaml", ".yml"):
        raise UserError(f"{path}: a recipe is a .yaml file")
    if path.exists() or path.is_symlink():
        raise UserError(f"{path} exists: choose another name, or move it away")
    meanings = {each.key.path: each.key for each in settings}
    head = f"# bossline train {path} --corpus NAME\n# Keys that are left out have their default.\n"
    lines = _lines(loaded.model_dump(mode="json"), meanings, "", 0)
    write_text(path, head + "\n".join(lines) + "\n")


def _lines(content: dict[str, Any], keys: dict[str, Key], above: str, indent: int) -> Iterator[str]:
    """Of the part of a page that stands below a path."""
    for name in sorted(content, key=lambda name: name != "kind"):
        value, path = content[name], f"{above}.{name}" if above else name
        if (key := keys.get(path)) is None:  # what this task does not have
            continue
        start = " " * indent + f"{name}:"
        if isinstance(value, dict) and f"{path}.{next(iter(value), '')}" in keys:
            yield from _commented(start, key.meaning, indent)
            yield from _lines(value, keys, path, indent + 2)
        elif isinstance(value, list) and f"{path}.0.kind" in keys:
            yield from _commented(start, key.meaning, indent)
            for place, member in enumerate(value):
                lines = list(_lines(member, keys, f"{path}.{place}", indent + 4))
                first = next(n for n, line in enumerate(lines) if not line.lstrip().startswith("#"))
                yield from lines[:first]
                yield f"{' ' * indent}  - {lines[first].lstrip()}"
                yield from lines[first + 1 :]
        else:
            yield from _commented(f"{start} {_flow(value)}", explained(key), indent)


def _commented(line: str, comment: str, indent: int) -> Iterator[str]:
    """A line with a comment behind it, or above where it is long."""
    if len(line) + len(comment) + 4 <= _WIDTH:
        yield f"{line}  # {comment}" if comment else line
        return
    mark = " " * indent + "# "
    yield from textwrap.wrap(
        comment, _WIDTH, initial_indent=mark, subsequent_indent=mark, break_long_words=False
    )
    yield line


def _flow(value: Any) -> str:
    """A value in one line of YAML."""
    text = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False
    )
    return text.removesuffix("...\n").strip()
