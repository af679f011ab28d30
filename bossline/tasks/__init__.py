"""The tasks, a room each: its recipe, its lesson, its scores, and what only it does."""

from __future__ import annotations

from typing import Any

from bossline.core.config import Config
from bossline.core.errors import UserError, did_you_mean
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus
from bossline.evaluation.scores import METRICS
from bossline.models.base import ModelConfig
from bossline.tasks.base import Task
from bossline.tasks.covid.task import CovidTask
from bossline.tasks.food.task import FoodTask
from bossline.tasks.lesson import Lesson
from bossline.tasks.phoneme.task import PhonemeTask
from bossline.tasks.recipe import Recipe, with_kind
from bossline.tasks.speaker.task import SpeakerTask
from bossline.tasks.transcribe.task import TranscribeTask

TASKS: dict[str, Task[Any]] = {
    task.name: task
    for task in (PhonemeTask(), SpeakerTask(), CovidTask(), FoodTask(), TranscribeTask())
}
METRICS.update({task.metric.name: task.metric for task in TASKS.values()})


def task_named(name: object) -> Task[Any]:
    """
    Raises:
        UserError: no such task, with the nearest.
    """
    if not isinstance(name, str) or name not in TASKS:
        raise UserError(f"no task {name!r}: {did_you_mean(str(name), TASKS)}")
    return TASKS[name]


def task_of(recipe: Recipe) -> Task[Any]:
    """The task that a recipe is for."""
    return TASKS[recipe.task]


def lesson_of(recipe: Recipe, corpus: Corpus, runtime: Runtime) -> Lesson[Any]:
    """What a recipe teaches on a corpus.

    Raises:
        UserError: a corpus of other things or without labels, or one that cannot be split as the
            recipe wants.
    """
    task = task_of(recipe)
    return task.lesson(task, recipe, corpus, runtime)


def register_task(task: Task[Any]) -> None:
    """Make a task of one's own known: recipes may name it from now on.

    Raises:
        ValueError: another task has its name.
    """
    if type(TASKS.setdefault(task.name, task)) is not type(task):
        raise ValueError(f"there is a task '{task.name}' already")
    METRICS.setdefault(task.metric.name, task.metric)


def register_model(task: str, config: type[ModelConfig]) -> None:
    """Let the recipes of a task take a kind of model of one's own.

    Raises:
        UserError: no such task.
        ValueError: the task has a kind of this name.
    """
    known = task_named(task)
    known.recipe = with_kind(known.recipe, "model", config)


def register_schedule(config: type[Config]) -> None:
    """Let all recipes take a kind of schedule of one's own.

    Raises:
        ValueError: there is a kind of this name.
    """
    for task in TASKS.values():
        task.recipe = with_kind(task.recipe, "schedule", config)
