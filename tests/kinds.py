"""All models of all tasks by kind, and the kinds of a union, for tests that go over every one."""

from __future__ import annotations

from typing import Any, get_args

from bossline.models.base import ModelConfig
from bossline.tasks import TASKS

MODELS: dict[str, type[ModelConfig]] = {
    config.model_fields["kind"].default: config
    for task in TASKS.values()
    for config in get_args(task.recipe.model_fields["model"].annotation)
}


def kinds(union: Any) -> set[str]:
    """Of an annotated union of configs."""
    members = get_args(get_args(union)[0])
    return {member.model_fields["kind"].default for member in members}
