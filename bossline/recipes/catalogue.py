"""The recipes that come with bossline, found as files. Needs no torch: it answers at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bossline.core.errors import UserError, did_you_mean
from bossline.core.reading import open_file, reason
from bossline.recipes.text import LARGEST, NotPlainData, parse_yaml

FOLDER = Path(__file__).parent
STUDIES = "studies"  # a folder beside those of the tasks
RUNGS = ("floor", "simple", "medium", "strong", "boss-small", "boss", "summit")


def tasks() -> list[str]:
    """Tasks that have a ladder."""
    folders = {path.name for path in FOLDER.iterdir() if any(path.glob("*.yaml"))}
    return sorted(folders - {STUDIES})


def height(name: str) -> tuple[int, str]:
    """Sorts recipes from the lowest rung up; what is no rung comes last."""
    rung = name.split("/")[-1]
    return (RUNGS.index(rung) if rung in RUNGS else len(RUNGS), rung)


def names() -> list[str]:
    """All recipes, task by task, from the lowest rung up."""
    return [name for task in tasks() for name in ladder(task)]


def ladder(task: str) -> list[str]:
    """The recipes of one task, from the lowest rung up.

    Raises:
        UserError: no such task, with the nearest.
    """
    if task not in tasks():
        raise UserError(f"no task '{task}': {did_you_mean(task, tasks())}")
    return sorted((f"{task}/{path.stem}" for path in (FOLDER / task).glob("*.yaml")), key=height)


def studies() -> list[str]:
    """The study files that come with bossline."""
    return sorted(f"{STUDIES}/{path.stem}" for path in (FOLDER / STUDIES).glob("*.yaml"))


def read_yaml(path: Path) -> dict[str, Any]:
    """
    Raises:
        UserError: missing, or not a mapping in YAML; names the line.
    """
    try:
        with open_file(path) as stream:
            content = stream.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise UserError(f"{path}: more than {LARGEST >> 20} MiB, expected a page of YAML")
        value = parse_yaml(content.decode("utf-8-sig"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {reason(error)}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text") from error
    except NotPlainData as error:
        raise UserError(f"{path}: {error}") from error
    if not isinstance(value, dict):
        raise UserError(f"{path}: expected 'key: value' lines")
    return value


def find(name: str) -> Path:
    """The file of a recipe: one of bossline's own by name, or any YAML file by path.

    Raises:
        UserError: neither, with the nearest name.
    """
    return _find(name, names(), "recipe")


def find_study(name: str) -> Path:
    """The file of a study: one of bossline's own by name, or any YAML file by path.

    Raises:
        UserError: neither, with the nearest name.
    """
    return _find(name, studies(), "study")


def _find(name: str, known: list[str], what: str) -> Path:
    if name in known:
        return FOLDER / f"{name}.yaml"
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if os.path.exists(path):
            return path
        raise UserError(f"no {what} file {name}")
    raise UserError(f"no {what} '{name}': {did_you_mean(name, known)} (or a path to a .yaml)")
