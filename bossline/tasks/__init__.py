"""What ties corpus, batches, model, objective and metric together: a file a task."""

from __future__ import annotations

from bossline.corpora.packed import Corpus
from bossline.recipes.schema import Recipe
from bossline.runtime import Runtime
from bossline.tasks.phoneme import PhonemeTask

TASKS = {"phoneme": PhonemeTask}


def make_task(recipe: Recipe, corpus: Corpus, runtime: Runtime) -> PhonemeTask:
    """The task that a recipe names, on a corpus."""
    return TASKS[recipe.task](recipe, corpus, runtime)
