"""Which runs there are."""

from __future__ import annotations

import warnings
from pathlib import Path

from bossline.core.errors import UserError
from bossline.runs.run import RUNS, Run
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
