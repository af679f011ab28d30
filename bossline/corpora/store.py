"""Where imported corpora live: packs named by their content, and names that point to packs."""

from __future__ import annotations

import os
import re
from pathlib import Path

from bossline.corpora.header import HEADER
from bossline.corpora.packed import Corpus
from bossline.errors import UserError, did_you_mean
from bossline.files import read_json, write_json

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def home() -> Path:
    """The cache: $BOSSLINE_HOME, else $XDG_CACHE_HOME/bossline, else ~/.cache/bossline."""
    if chosen := os.environ.get("BOSSLINE_HOME"):
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "bossline"


def check_name(name: str) -> str:
    """
    Raises:
        UserError: not usable as a corpus name.
    """
    if not _NAME.fullmatch(name):
        raise UserError(f"corpus name '{name}': use letters, digits, '.', '_' and '-'")
    return name


def pack_path(key: str) -> Path:
    """The folder of the pack that was made from a source with this fingerprint."""
    return home() / "packs" / key[:32]


def is_packed(path: Path) -> bool:
    """Whether a pack is there and opens; a damaged one is to be made again."""
    try:
        Corpus(path)
    except UserError:
        return False
    return True


def _pointer(name: str) -> Path:
    return home() / "corpora" / f"{name}.json"


def register(name: str, pack: Path) -> None:
    """Let a name point to a pack."""
    write_json(_pointer(check_name(name)), {"pack": pack.name})


def names() -> list[str]:
    """Names of the imported corpora."""
    return sorted(path.stem for path in (home() / "corpora").glob("*.json"))


def open_corpus(name: str | Path) -> Corpus:
    """Open a corpus by the name it was imported under, or by its folder.

    Raises:
        UserError: no such corpus (with the nearest name), or it cannot be read.
    """
    if (Path(name) / HEADER).is_file():
        return Corpus(Path(name))
    if _NAME.fullmatch(str(name)) and _pointer(str(name)).is_file():
        pointer = read_json(_pointer(str(name)))
        return Corpus(home() / "packs" / str(pointer["pack"]))
    if Path(name).is_dir():
        raise UserError(
            f"{name} is a folder but no packed corpus: run 'bossline import {name} --name NAME'"
        )
    raise UserError(
        f"no corpus '{name}': {did_you_mean(str(name), names())} "
        "(bossline import FOLDER --name NAME, or bossline synth --name NAME)"
    )
