"""The recipes that there are. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.table import Table

from bossline.cli.tables.layout import new_table
from bossline.recipes import catalogue

if TYPE_CHECKING:
    from bossline.recipes.page import Setting
    from bossline.recipes.schema import Key


def tasks_table() -> Table:
    """Every recipe with its targets and one sentence. Reads the files only: it is instant."""
    table = new_table("recipe", "target", "what it is", right=("target",))
    for name in catalogue.names():
        content = catalogue.read_yaml(catalogue.find(name))
        targets = content.get("target", {})
        shown = "\n".join(f"{score:.5f} ({year})" for year, score in targets.items())
        table.add_row(name, shown, content["about"])
    return table


def settings_table(settings: Sequence[Setting]) -> Table:
    """A recipe, a line a key."""
    from bossline.recipes.page import explained

    table = new_table("key", "value", "what it may be: what it means")
    for setting in settings:
        key = setting.key
        if setting.opened:
            table.add_row(key.path, "", key.meaning)
        else:
            table.add_row(key.path, _shown(setting.value), explained(key))
    return table


def keys_tables(keys: Mapping[Key, tuple[str, ...]]) -> list[Table]:
    """Keys by the kind that they are of, and the tasks whose recipes have it."""
    from bossline.recipes.page import explained

    tables = []
    for (of, tasks), group in groupby(keys, key=lambda key: (key.of, keys[key])):
        title = f"{of} ({', '.join(tasks)})" if of else ", ".join(tasks)
        members = list(group)
        if members[0].path.endswith("kind") and of:
            title += f": {members[0].meaning}"
            members = members[1:]
        table = new_table("key", "default", "what it may be: what it means", title=title)
        for key in members:
            named = isinstance(key.default, dict) and key.type.startswith("part")
            shown = key.default.get("kind", "") if named else _shown(key.default)
            table.add_row(key.path, shown, explained(key))
        tables.append(table)
    return tables


def _shown(value: Any) -> str:
    """A value as one writes it on a command line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
