"""Which runs there are, and that there is one less."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from bossline.core.errors import UserError
from bossline.core.files import remove_folder
from bossline.runs.folders import RUNS, find_run, in_use
from bossline.runs.run import Run
from bossline.training.contents import INFO


def list_runs(folder: str | Path = RUNS) -> list[Run]:
    """The runs in a folder and below it, in order of their names; those of a ladder are below.

    Of one that cannot be opened, a warning says why.
    """
    found = []
    for path in sorted(file.parent for file in Path(folder).rglob(INFO)):
        try:
            found.append(Run(path))
        except UserError as error:
            warnings.warn(str(error), stacklevel=2)
    return found


def runs_within(paths: Sequence[str | Path]) -> list[Run]:
    """The runs of some folders: each a run, or one of runs, as that of a ladder or a study.

    Raises:
        UserError: neither, or a run that is damaged.
    """
    found: list[Run] = []
    for path in map(Path, paths):
        inner = [] if (path / INFO).exists() else sorted(path.glob(f"*/{INFO}"))
        found += [Run(file.parent) for file in inner] if inner else [Run(path)]
    return found


def remove_run(path: str | Path) -> Path:
    """Delete a run folder, damaged or not; returns where it was.

    Raises:
        UserError: no run there, or a process trains or scores in it.
    """
    folder = find_run(Path(path))
    with in_use(folder):
        pass  # nobody trains there
    remove_folder(folder)
    return folder
