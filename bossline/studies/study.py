"""What a sweep trains: a recipe, the cells that change it, seeds, and who is compared to whom."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from bossline.core.config import Config
from bossline.core.errors import UserError, did_you_mean
from bossline.core.language import tr
from bossline.recipes import Recipe, catalogue, load_recipe
from bossline.recipes.loading import checked
from bossline.recipes.naming import with_changes
from bossline.recipes.overrides import Overrides, unreplaced
from bossline.studies.grid import Axis, Cell, Grid, as_arguments, axis_of, parse_arguments

SEEDS = 3


class StudyFile(Config):
    """A study as YAML."""

    about: str = Field("", description="what is asked, in a sentence or two")
    recipe: str = Field(description="task/rung, or a path to a .yaml")
    overrides: tuple[str, ...] = Field((), description="for every cell, e.g. epochs=3")
    axes: dict[str, Any] | None = Field(
        None, description="values by key, every combination a cell: a list, or '3..31:4'"
    )
    cells: dict[str, tuple[str, ...]] | None = Field(
        None, description="listed cells: overrides by name"
    )
    seeds: int = Field(SEEDS, ge=1, description="runs of each cell")
    reference: str | None = Field(
        None, description="cell that the others are compared to; none: the first"
    )

    @model_validator(mode="after")
    def _axes_or_cells(self) -> StudyFile:
        if bool(self.axes) == bool(self.cells):
            raise ValueError("expected either axes or cells")
        return self

    def grid(self) -> Grid:
        """
        Raises:
            UserError: an axis that is none.
        """
        if self.cells:
            return Grid((), tuple(Cell(name, changes) for name, changes in self.cells.items()))
        return Grid.of([axis_of(key, values) for key, values in (self.axes or {}).items()])


@dataclass(frozen=True)
class Study:
    """A study with every recipe checked."""

    name: str
    about: str
    changes: tuple[str, ...]  # overrides of every cell
    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]
    recipes: tuple[Recipe, ...]  # of each cell, with the first seed
    seeds: tuple[int, ...]
    reference: int  # which cell the others are compared to

    @property
    def title(self) -> str:
        """Its name, with what was changed in every cell."""
        return with_changes(self.name, self.changes)

    def seeded(self, cell: int, seed: int) -> Recipe:
        """The recipe of one run."""
        return self.recipes[cell].model_copy(update={"seed": seed})


def open_study(name: str, arguments: Overrides = (), *, seeds: int | None = None) -> Study:
    """A study file, or a grid over a recipe.

    Args:
        name: "studies/schedulers", "phoneme/medium", or a path to the YAML file of either.
        arguments: key=value pairs, or a dict; of a recipe at least one has several values, and
            spans the grid.
        seeds: runs of each cell; None takes what the study says, or 3. The first seed is the
            recipe's, the others follow it.

    Raises:
        UserError: a name, key or value that does not fit, or cells that cannot be compared; before
            anything is trained.
    """
    overrides, axes = parse_arguments(as_arguments(arguments))
    if not _names_a_study(name):
        if not axes:
            raise UserError(
                "nothing to sweep: give a key several values, as in model.dropout=0.25,0.5"
            )
        about = tr(
            "{recipe}, every combination of {keys}.",
            recipe=with_changes(name, overrides),
            keys=tr(" and ").join(axis.key for axis in axes),
        )
        return _checked(name, about, name, overrides, Grid.of(axes), seeds or SEEDS, None)
    if axes:
        raise UserError(f"study {name} has cells of its own: give {axes[0].key} one value")
    content = catalogue.read_yaml(catalogue.find_study(name))
    file = checked(StudyFile, content, f"study {name}")
    grid = file.grid()
    _refuse_what_cells_set(overrides, grid, name)
    return _checked(
        Path(name).stem,
        file.about,
        file.recipe,
        overrides,
        grid,
        seeds or file.seeds,
        file.reference,
        of_file=file.overrides,
    )


def _names_a_study(name: str) -> bool:
    if name.startswith(f"{catalogue.STUDIES}/"):
        return True
    path = Path(name)
    return (
        path.suffix in (".yaml", ".yml")
        and os.path.isfile(path)
        and "recipe" in catalogue.read_yaml(path)
    )


def _refuse_what_cells_set(overrides: Sequence[str], grid: Grid, name: str) -> None:
    """An override that every cell undoes would be silently lost."""
    of_cells = {_key(change) for cell in grid.cells for change in cell.overrides}
    for key in map(_key, overrides):
        if any(f"{key}.".startswith(f"{own}.") or own.startswith(f"{key}.") for own in of_cells):
            raise UserError(f"study {name}: {key} is what its cells set: leave it out")


def _checked(
    name: str,
    about: str,
    recipe: str,
    overrides: Sequence[str],
    grid: Grid,
    seeds: int,
    reference: str | None,
    of_file: Sequence[str] = (),
) -> Study:
    names = [cell.name for cell in grid.cells]
    if reference is not None and reference not in names:
        raise UserError(f"study {name}: no cell '{reference}': {did_you_mean(reference, names)}")
    recipes = tuple(_recipe(recipe, of_file, overrides, cell) for cell in grid.cells)
    if len({(each.task, each.split.model_dump_json()) for each in recipes}) > 1:
        raise UserError(f"{name}: cells of other tasks or splits cannot be compared")
    for (one, a), (other, b) in combinations(zip(names, recipes, strict=True), 2):
        if a == b:
            raise UserError(f"{name}: the cells '{one}' and '{other}' are the same recipe")
    first = recipes[0].seed
    return Study(
        name=name,
        about=about,
        changes=tuple(overrides),
        axes=grid.axes,
        cells=grid.cells,
        recipes=recipes,
        seeds=tuple(range(first, first + seeds)),
        reference=0 if reference is None else names.index(reference),
    )


def _recipe(recipe: str, of_file: Sequence[str], overrides: Sequence[str], cell: Cell) -> Recipe:
    """`of_file`: for every cell that says nothing else, as the command line may too."""
    if "seed" in map(_key, cell.overrides):
        raise UserError(f"cell {cell.name}: every cell gets the same seeds: leave seed out")
    try:
        given = [*overrides, *cell.overrides]
        return load_recipe(recipe, [*unreplaced(of_file, given), *given])
    except UserError as error:
        raise UserError(f"cell {cell.name}: {error}") from error


def _key(override: str) -> str:
    return override.partition("=")[0]
