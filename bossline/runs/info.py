"""run.json: what a run was made with, how far it is, and checksums of the files it reads back."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field, ValidationError

from bossline.core.config import Config
from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.files import read_json, write_json
from bossline.core.language import tr
from bossline.core.runtime import Compile, Precision, Runtime
from bossline.data.editions import edition_of
from bossline.data.features.spec import Features
from bossline.data.packed import Corpus
from bossline.data.splits import SplitConfig
from bossline.extensions import LOADED
from bossline.tasks import task_of
from bossline.tasks.recipe import Recipe
from bossline.version import __version__


class Origin(Config):
    """The run at whose best weights a training began."""

    run: str = Field(description="its folder")
    task: str
    recipe: str = Field(description="its name")
    corpus: str
    corpus_key: str
    split: SplitConfig
    epochs: int
    best_epoch: int | None = None
    sha256: str = Field(description="of its weights")
    taken: int = Field(ge=0, description="tensors that were taken")
    new: tuple[str, ...] = Field((), description="tensors that were not: those of a new head")

    def __str__(self) -> str:
        """As in "runs/a (phoneme/strong on toy, epoch 4 of 5, weights 12ab34cd): 18 tensors"."""
        new = tr("new: {names}", names=tr(", ").join(self.new)) if self.new else tr("none is new")
        return tr(
            "{run} ({recipe} on {corpus}, epoch {epoch} of {epochs}, weights {sha256}): {tensors} "
            "taken, {new}",
            run=self.run,
            recipe=self.recipe,
            corpus=self.corpus,
            epoch=self.best_epoch or self.epochs,
            epochs=self.epochs,
            sha256=self.sha256[:8],
            tensors=counted(self.taken, "tensor"),
            new=new,
        )


class RunInfo(Config):
    """What a run was made with, and how far it is."""

    state: Literal["training", "finished"] = "training"
    corpus: str = Field(description="name or folder, as given")
    corpus_key: str = Field(description="names the corpus' content")
    corpus_note: str = ""
    edition: str | None = Field(
        None, description="whose published scores hold for the corpus; None: of earlier versions"
    )
    features: Features
    classes: tuple[str, ...]
    parameters: int = Field(ge=0)
    device: str = Field(description="as torch names it; resuming stays on it")
    threads: int = Field(ge=1)
    compile: Compile = Field("off", description="what became of steps; resuming stays with it")
    precision: Precision | None = Field(None, description="in place of the recipe's, likewise")
    deterministic: bool = Field(False, description="whether only such algorithms trained, likewise")
    hardware: str = Field(description="device, threads and precision in words")
    version: str = __version__
    torch: str = torch.__version__
    python: str = platform.python_version()
    commit: str | None = None
    started: str
    seconds: float | None = Field(None, description="training time, interruptions left out")
    per_second: float | None = Field(None, description="training frames, or items, a second")
    best_epoch: int | None = None
    kept: Literal["best epoch", "last epoch", "fitted"] | None = Field(
        None, description="which weights; of the last epoch where keep=last or split.validation=0"
    )
    origins: tuple[Origin, ...] = Field(
        (), description="where its first weights came from, and where those did"
    )
    extensions: dict[str, str] = Field(
        {}, description="files of the user's own that it was made with (--with), and their SHA-256"
    )
    sha256: dict[str, tuple[str, ...]] = Field(
        {},
        description="by name of a file: its checksum; of one that is being replaced, the new "
        "one's first",
    )


def start_info(
    corpus_name: str,
    corpus: Corpus,
    classes: tuple[str, ...],
    recipe: Recipe,
    parameters: int,
    runtime: Runtime,
    origins: tuple[Origin, ...] = (),
) -> RunInfo:
    """The environment of a run that begins now."""
    return RunInfo(
        corpus=corpus_name,
        corpus_key=corpus.key,
        corpus_note=corpus.header.note,
        edition=edition_of(corpus),
        features=corpus.header.features,
        classes=classes,
        parameters=parameters,
        device=str(runtime.device),
        threads=runtime.threads,
        compile=runtime.compile,
        precision=runtime.precision,
        deterministic=runtime.deterministic,
        hardware=runtime.describe(recipe.precision),
        commit=_commit(),
        origins=origins,
        extensions=dict(LOADED),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def write_info(path: Path, info: RunInfo) -> None:
    """Replace run.json."""
    content = info.model_dump(mode="json")
    write_json(path, {**content, "checksum": _checksum(content)})


def read_info(path: Path, recipe: Recipe) -> RunInfo:
    """Read and check run.json; those of earlier versions have no checksum.

    Args:
        recipe: of the run.

    Raises:
        UserError: unreadable, damaged, or it does not fit the recipe; names the key.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise _damaged(path, f"a JSON {type(content).__name__}, expected an object")
    checksum = content.pop("checksum", None)
    try:
        info = RunInfo.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise _damaged(path, f"{where}: {first['msg'].lower()}") from error
    if checksum is not None and checksum != _checksum(content):
        raise _damaged(path, "it is not what the run wrote")
    task = task_of(recipe)
    if info.features.item != task.item:
        raise _damaged(path, f"features: of {info.features.item}s, the recipe is of {task.item}s")
    if bool(info.classes) != task.named:
        raise _damaged(path, f"classes: {len(info.classes)} of the task {recipe.task}")
    return info


def _damaged(path: Path, why: str) -> UserError:
    return UserError(f"{path} is damaged: {why}; bring back a copy, or train the run again")


def _checksum(content: dict[str, Any]) -> str:
    """SHA-256 over the fields as they stand in the file, so that some may be added later."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _commit() -> str | None:
    """The commit of a source checkout of bossline; None for an installed package."""
    package = Path(__file__).resolve().parents[1]
    if not (package.parent / ".git").exists():
        return None
    command = ["git", "-C", str(package), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
