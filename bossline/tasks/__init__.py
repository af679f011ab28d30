"""What ties corpus, batches, model, objective and metric together: a file a task."""

from __future__ import annotations

from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus
from bossline.evaluation.scores import Metric
from bossline.recipes.schema import Recipe
from bossline.tasks.base import Task
from bossline.tasks.covid.task import CovidTask
from bossline.tasks.food.task import FoodTask
from bossline.tasks.phoneme.task import PhonemeTask
from bossline.tasks.speaker.task import SpeakerTask

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
