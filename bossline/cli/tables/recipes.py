"""The recipes that there are. Needs no torch."""

from __future__ import annotations

from rich.table import Table

from bossline.cli.tables.layout import new_table
from bossline.recipes import catalogue


def tasks_table() -> Table:
    """Every recipe with its targets and one sentence. Reads the files only: it is instant."""
    table = new_table("recipe", "target", "what it is", right=("target",))
    for name in catalogue.names():
        content = catalogue.read_yaml(catalogue.find(name))
        targets = content.get("target", {})
        shown = "\n".join(f"{score:.5f} ({year})" for year, score in targets.items())
        table.add_row(name, shown, content["about"])
    return table
