"""Runs that a study finds again: named by what was asked for, trained only where they are not."""

from __future__ import annotations

import hashlib
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

from bossline.core.errors import UserError
from bossline.data.store import open_corpus
from bossline.recipes import Recipe
from bossline.runs.engine import resume, train
from bossline.runs.run import Run
from bossline.training.contents import RECIPE
from bossline.training.loop import Watch
from bossline.training.signals import Interrupted, stop_on_signal

THE_SAME_COMMAND = "the same command goes on"
PATIENCE_SECONDS = 10.0  # a process that was told to stop still writes its checkpoint


def reach(
    recipe: Recipe,
    corpus: str,
    folder: Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    console: Console | None = None,
) -> Run:
    """The finished run of a recipe below a folder: found, gone on with, or trained.

    Args:
        recipe: its content, seed included, decides which run it is.
        corpus: a name given at import, the folder of a packed corpus, or its URL.
        folder: of the study; the run is a folder in it.

    Raises:
        UserError: bad input, or another process trains this run.
        Interrupted: Ctrl-C or SIGTERM; the same call goes on.
    """
    path = run_path(recipe, corpus, folder)
    if is_finished(path, recipe):
        return Run(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from error
    lock = FileLock(folder / f".{path.name}.lock", timeout=PATIENCE_SECONDS)
    try:
        with lock, stop_on_signal(THE_SAME_COMMAND) as stop:
            run = begin_or_resume(
                path, recipe, corpus, device=device, threads=threads, console=console
            )
            if stop:
                raise Interrupted("asked for after its last step")
            return run
    except Interrupted as stopped:
        raise Interrupted(f"stopped at {path}; {THE_SAME_COMMAND}") from stopped
    except Timeout as error:
        raise UserError(f"{path} is in use by another process: wait for it, or stop it") from error


def begin_or_resume(
    path: Path,
    recipe: Recipe,
    corpus: str,
    *,
    device: str = "auto",
    threads: int | None = None,
    console: Console | None = None,
    watch: Watch | None = None,
) -> Run:
    """The finished run in a folder of its own, wherever it was stopped; see `engine.train`.

    Raises:
        UserError: bad input, or another process trains this run.
        Interrupted: Ctrl-C or SIGTERM; the same call goes on.
    """
    if (path / RECIPE).exists():
        return resume(_own(path, recipe), console=console, watch=watch)
    return train(
        recipe, corpus, run=path, device=device, threads=threads, console=console, watch=watch
    )


def is_finished(path: Path, recipe: Recipe) -> bool:
    """Whether a folder holds a finished run of a recipe.

    Raises:
        UserError: it holds a run of another one, or a damaged one.
    """
    return (path / RECIPE).exists() and _own(path, recipe).info.state == "finished"


def _own(path: Path, recipe: Recipe) -> Run:
    run = Run(path)
    if run.recipe != recipe:
        raise UserError(
            f"{path} holds a run of another recipe than its name says, {run.recipe.name} of seed "
            f"{run.recipe.seed}: move it away"
        )
    return run


def run_path(recipe: Recipe, corpus: str, folder: Path) -> Path:
    """Where `reach` keeps the run of a recipe.

    Raises:
        UserError: no such corpus.
    """
    return folder / run_name(recipe, open_corpus(corpus).key)


def run_name(recipe: Recipe, corpus_key: str) -> str:
    """A name for all that decides what is trained: another recipe or corpus has another."""
    content = recipe.model_dump_json() + corpus_key
    return f"{recipe.name.split('/')[-1]}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
