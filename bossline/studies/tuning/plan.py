"""What is tuned: a recipe, what is set for all trials, and what they search."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field

from bossline.core.config import Config
from bossline.core.errors import UserError
from bossline.evaluation.scores import Metric
from bossline.recipes import Recipe, catalogue, load_recipe
from bossline.recipes.loading import checked
from bossline.recipes.naming import with_changes
from bossline.recipes.overrides import Overrides, unreplaced
from bossline.studies.grid import as_arguments
from bossline.studies.tuning.space import Dimension, dimension_of, parse_space
from bossline.tasks import task_of


class TuningFile(Config):
    """A plan as YAML."""

    about: str = Field("", description="what is asked, in a sentence or two")
    recipe: str = Field(description="task/rung, or a path to a .yaml")
    overrides: tuple[str, ...] = Field((), description="for every trial, e.g. epochs=3")
    space: dict[str, Any] = Field(
        min_length=1, description="by key a list of values, or a range such as '1e-4..1e-2:log'"
    )


@dataclass(frozen=True)
class Plan:
    """A plan whose ranges fit the recipe."""

    name: str
    about: str
    recipe: str
    overrides: tuple[str, ...]
    space: tuple[Dimension, ...]

    @property
    def title(self) -> str:
        """Its name, with what was changed in every trial."""
        return with_changes(self.name, self.overrides)

    def with_values(self, values: Mapping[str, str]) -> Recipe:
        """The recipe of a trial.

        Raises:
            UserError: values that do not go together.
        """
        chosen = [f"{key}={value}" for key, value in values.items()]
        return load_recipe(self.recipe, [*self.overrides, *chosen])

    @cached_property
    def metric(self) -> Metric:
        """What is optimised, on validation."""
        return task_of(self.with_values(self._first)).metric

    @property
    def fingerprint(self) -> str:
        """Equal of two plans whose trials can be compared."""
        content = self.with_values(self._first).model_dump_json() + "".join(
            sorted(map(str, self.space))
        )
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def _first(self) -> dict[str, str]:
        return {dimension.key: dimension.probes[0] for dimension in self.space}

    def probe(self) -> None:
        """Try every end and choice with the first of all others: most mistakes show here.

        Raises:
            UserError: a key or value does not fit.
        """
        self.with_values(self._first).check_validated("a search")
        for dimension in self.space:
            for value in dimension.probes[1:]:
                self.with_values(self._first | {dimension.key: value})


def open_plan(name: str, arguments: Overrides = ()) -> Plan:
    """A recipe with a search space from the command line, or a file that has both.

    Args:
        name: "phoneme/medium", or a path to the YAML file of a recipe or of a plan.
        arguments: key=value for all trials, key=range or key=a,b,c to search, or a dict; a key of
            the file's space is searched as the argument says.

    Raises:
        UserError: a key or value that does not fit, or nothing to search; before any training.
    """
    overrides, given = parse_space(as_arguments(arguments))
    if _names_a_plan(name):
        file = checked(TuningFile, catalogue.read_yaml(Path(name)), name)
        set_keys = {override.partition("=")[0] for override in overrides}
        space = {
            key: dimension_of(key, values)
            for key, values in file.space.items()
            if key not in set_keys
        }
        space |= {dimension.key: dimension for dimension in given}
        kept = unreplaced(file.overrides, [*overrides, *map(str, given)])
        plan = Plan(
            Path(name).stem,
            file.about,
            file.recipe,
            (*kept, *overrides),
            tuple(space.values()),
        )
    else:
        plan = Plan(name, "", name, overrides, given)
    if not plan.space:
        raise UserError(
            "nothing to tune: give a key a range or choices, as in model.dropout=0.0..0.5"
        )
    plan.probe()
    return plan


def _names_a_plan(name: str) -> bool:
    path = Path(name)
    is_file = path.suffix in (".yaml", ".yml") and os.path.isfile(path)
    return is_file and "space" in catalogue.read_yaml(path)
