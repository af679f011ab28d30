"""Where runs are: found by name, free for a new one, kept from other processes while one writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bossline.core.errors import UserError, did_you_mean
from bossline.core.reading import reason
from bossline.training.contents import INFO

RUNS = Path("runs")
BOXED = Path(__file__).parents[1] / "boxed"
"""Models that come with bossline, by their names."""
DEFAULT = "phoneme-en"
"""The one that answers for recordings where no run is named."""


def study_folder(verb: str, name: str, corpus: str) -> Path:
    """Where the runs and pages of a study, a ladder or the like are.

    >>> study_folder("sweep", "phoneme/simple", "toy").as_posix()
    'runs/sweep-phoneme-simple-toy'
    """
    return RUNS / f"{verb}-{name.replace('/', '-')}-{Path(corpus).name}"


def holds_run(name: str) -> bool:
    """Whether a run is there; by its name alone, where no file or folder is called so."""
    if (Path(name) / INFO).exists():
        return True
    places = () if os.path.lexists(name) else (RUNS / name, BOXED / name)
    return any((folder / INFO).exists() for folder in places)


def find_run(path: Path) -> Path:
    """The folder of a run, which may be given without runs/ before it, or of a boxed model.

    Raises:
        UserError: no run there; names the nearest.
    """
    for folder in (path, RUNS / path, BOXED / path):
        if (folder / INFO).exists():
            return folder
    parent = path.parent if path.parent.is_dir() else RUNS
    here = [str(found.parent) for found in parent.glob("*/run.json")]
    raise UserError(f"no run in {path}: {did_you_mean(str(path), here)}")


@contextmanager
def in_use(path: Path) -> Iterator[None]:
    """Keep other processes from writing in a run folder.

    Raises:
        UserError: another process does, or the folder cannot be written.
    """
    lock = FileLock(path / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise UserError(
            f"{path} is in use by another process: wait for it, or stop it first"
        ) from error
    except OSError as error:
        raise UserError(f"cannot write {path / '.lock'}: {reason(error)}") from error
    try:
        yield
    finally:
        lock.release()


def is_free(path: Path) -> bool:
    """Whether a run can be created there: nothing is, or what a killed process left of a start.

    Such a folder has no recipe, and no weights that would be lost with it.
    """
    if not path.exists():
        return not path.is_symlink()
    if not path.is_dir():
        return False
    names = {inner.name for inner in path.iterdir()}
    return all(name in (INFO, ".lock") or name.endswith(".part") for name in names)
