"""What ties corpus, batches, model, objective and metric together: a file a task."""

from __future__ import annotations

from bossline.corpora.packed import Corpus
from bossline.recipes.schema import Recipe
from bossline.runtime import Runtime
from bossline.tasks.base import ClassificationTask
from bossline.tasks.phoneme import PhonemeTask
from bossline.tasks.speaker import SpeakerTask

TASKS: dict[str, type[ClassificationTask]] = {"phoneme": PhonemeTask, "speaker": SpeakerTask}


def make_task(recipe: Recipe, corpus: Corpus, runtime: Runtime) -> ClassificationTask:
    """The task that a recipe names, on a corpus."""
    return TASKS[recipe.task](recipe, corpus, runtime)
