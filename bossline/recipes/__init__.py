"""What you train: a page of YAML each, read into one typed object."""

from bossline.recipes.loading import load_recipe
from bossline.tasks.recipe import Recipe

__all__ = ["Recipe", "load_recipe"]
