"""What you train: a page of YAML each, read into one typed object.

The names are imported when they are first used: to list recipes, nobody waits for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bossline.recipes.loading import changed, load_recipe
    from bossline.tasks.recipe import Recipe

_HOME = {
    "Recipe": "bossline.tasks.recipe",
    "changed": "bossline.recipes.loading",
    "load_recipe": "bossline.recipes.loading",
}

__all__ = ["Recipe", "changed", "load_recipe"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'bossline.recipes' has no attribute '{name}'")
