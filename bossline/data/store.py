"""Where imported corpora live: packs named by their content, and names that point to packs."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from unicodedata import normalize

from bossline.core.errors import UserError, did_you_mean
from bossline.core.files import read_json, remove_folder, write_json
from bossline.data.fetched import open_fetched
from bossline.data.header import HEADER
from bossline.data.packed import Corpus
from bossline.data.remote import is_url
from bossline.data.stamps import verify_and_stamp, verify_once

_NAME = re.compile(r"[^\W_][\w.-]*")  # letters and digits of any script
_PACK = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]*")


def home() -> Path:
    """The cache: $BOSSLINE_HOME, else $XDG_CACHE_HOME/bossline, else ~/.cache/bossline."""
    if chosen := os.environ.get("BOSSLINE_HOME"):
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "bossline"


def check_name(name: str) -> str:
    """The name itself.

    Raises:
        UserError: not usable as a corpus name.
    """
    if not _NAME.fullmatch(normalize("NFC", name)):
        raise UserError(f"corpus name '{name}': use letters, digits, '.', '_' and '-'")
    return name


def pack_path(key: str) -> Path:
    """The folder of the pack that was made from a source with this fingerprint."""
    return home() / "packs" / key[:32]


def is_packed(path: Path) -> bool:
    """Whether a pack is there, as it was written to the last bit; else it is to be made again."""
    try:
        verify_and_stamp(Corpus(path))
    except UserError:
        return False
    return True


def _pointer(name: str) -> Path:
    # Some systems take accents apart: a name must lead to one file, however it was typed.
    return home() / "corpora" / f"{normalize('NFC', name)}.json"


def register(name: str, pack: Path) -> None:
    """Let a name point to a pack."""
    write_json(_pointer(check_name(name)), {"pack": pack.name})


def names() -> list[str]:
    """Names of the imported corpora."""
    stems = (normalize("NFC", path.stem) for path in (home() / "corpora").glob("*.json"))
    return sorted(stem for stem in stems if _NAME.fullmatch(stem))


def remove_corpus(name: str) -> None:
    """Forget a name, and delete the pack that it points to unless another name does, too.

    The files that it was imported from stay.

    Raises:
        UserError: no corpus of this name (with the nearest).
    """
    if not (_NAME.fullmatch(normalize("NFC", name)) and os.path.lexists(_pointer(name))):
        raise UserError(f"no corpus '{name}': {did_you_mean(name, names())}")
    pack = _pack_of(name)
    _pointer(name).unlink()
    if pack is not None and pack not in map(_pack_of, names()):
        remove_folder(pack)


def _pack_of(name: str) -> Path | None:
    """The folder that a name points to; None where it points nowhere."""
    try:
        return _pointed_to(name)
    except UserError:
        return None


def list_corpora() -> list[Corpus]:
    """All imported corpora, by name; of one that cannot be opened, a warning says why."""
    found = []
    for name in names():
        try:
            found.append(open_corpus(name))
        except UserError as error:
            warnings.warn(f"{name}: {error}", stacklevel=2)
    return found


def name_of(corpus: str | Path | Corpus) -> str:
    """As `open_corpus` takes it."""
    return corpus.name if isinstance(corpus, Corpus) else str(corpus)


def open_corpus(name: str | Path | Corpus, *, verified: bool = False) -> Corpus:
    """Open a corpus by the name it was imported under, by its folder, or by the folder's URL.

    What lies behind a URL is fetched once (see fetched.py), and always hashed.

    Args:
        name: or the folder, or its URL; one that is open already is taken as it is.
        verified: hash its shards too, which is done once on a machine (see stamps.py).

    Raises:
        UserError: no such corpus (with the nearest name), or it cannot be read or fetched, or is
            damaged.
    """
    if isinstance(name, Corpus):
        corpus = name
    elif is_url(str(name)):
        return open_fetched(str(name), home() / "fetched")
    else:
        corpus = Corpus(_folder(name), str(name))
    if verified:
        verify_once(corpus)
    return corpus


def _folder(name: str | Path) -> Path:
    if os.path.lexists(Path(name) / HEADER):
        return Path(name)
    if _NAME.fullmatch(normalize("NFC", str(name))) and os.path.lexists(_pointer(str(name))):
        return _pointed_to(str(name))
    if os.path.isdir(name):
        raise UserError(
            f"{name} is a folder but no packed corpus: run 'bossline import {name} --name NAME'"
        )
    raise UserError(
        f"no corpus '{name}': {did_you_mean(str(name), names())} "
        "(bossline import FOLDER --name NAME, or bossline synth --name NAME)"
    )


def _pointed_to(name: str) -> Path:
    """
    Raises:
        UserError: a pointer that cannot be read or does not name a pack, or its pack is gone.
    """
    advice = f"import the corpus again (bossline import FOLDER --name {name})"
    try:
        pointer = read_json(_pointer(name))
    except UserError as error:
        raise UserError(f"{error}; {advice}") from error
    match pointer:
        case {"pack": str(pack)} if _PACK.fullmatch(pack):
            if not os.path.isdir(folder := home() / "packs" / pack):
                raise UserError(f"the pack of '{name}', {folder}, is gone: {advice}")
            return folder
    raise UserError(f'{_pointer(name)}: expected {{"pack": NAME}}; {advice}')
