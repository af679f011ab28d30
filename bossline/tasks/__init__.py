"""What ties corpus, batches, model, objective and metric together: a file a task."""

from __future__ import annotations

from bossline.corpora.packed import Corpus
from bossline.evaluation.metric import Metric
from bossline.recipes.schema import Recipe
from bossline.runtime import Runtime
from bossline.tasks.base import Task
from bossline.tasks.covid import CovidTask
from bossline.tasks.food import FoodTask
from bossline.tasks.phoneme import PhonemeTask
from bossline.tasks.speaker import SpeakerTask

TASKS: dict[str, type[Task]] = {
    "phoneme": PhonemeTask,
    "speaker": SpeakerTask,
    "covid": CovidTask,
    "food": FoodTask,
}


def metric_of(recipe: Recipe) -> Metric:
    """What the scores of a recipe's runs are."""
    return TASKS[recipe.task].metric


def make_task(recipe: Recipe, corpus: Corpus, runtime: Runtime) -> Task:
    """The task that a recipe names, on a corpus."""
    return TASKS[recipe.task](recipe, corpus, runtime)
