"""The files of a run: written as a whole, and held against their checksums when read back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy.typing as npt

from bossline.core.archives import DamagedFile
from bossline.core.errors import UserError
from bossline.core.files import read_json, replacing
from bossline.core.leftovers import sweep
from bossline.core.reading import read_bytes, reason
from bossline.core.tensors import read_tensors
from bossline.extensions import LOADED
from bossline.recipes.catalogue import read_yaml
from bossline.recipes.loading import check_recipe
from bossline.runs.folders import find_run, in_use
from bossline.runs.info import read_info, write_info
from bossline.tasks.recipe import Recipe
from bossline.training.contents import (
    ELSE,
    INFO,
    RECIPE,
    REMEDIES,
)

_ATTEMPTS = 10  # to read a file that another process replaces again and again


class RunFiles:
    """A run folder: its recipe, run.json, and files that are known by their checksums there.

    Files of earlier versions, which have no checksums, are only held against what they should
    contain.
    """

    def __init__(self, path: str | Path) -> None:
        """
        Raises:
            UserError: no run there (with the nearest name), or its files are damaged.
        """
        self.path = find_run(Path(path))
        self.name = self.path.resolve().name
        content = read_yaml(self.path / RECIPE)
        try:
            self.recipe: Recipe = check_recipe(content, where=str(self.path / RECIPE))
        except UserError as error:
            raise UserError(f"{error}{_made_with(self.path / INFO)}") from error
        self.info = read_info(self.path / INFO, self.recipe)
        self._loose = False  # whether run.json allows more than what is there now
        self.read(RECIPE)

    def update(self, **changes: Any) -> None:
        """Change fields of run.json."""
        info = self.info.model_copy(update=changes)
        write_info(self.path / INFO, info)
        self.info, self._loose = info, False

    def reread(self) -> None:
        """Know what another process has written since."""
        self.info = read_info(self.path / INFO, self.recipe)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training or scoring in this folder.

        What killed ones left of unfinished files is swept away.

        Raises:
            UserError: another process does, or the folder cannot be written.
        """
        with in_use(self.path):
            sweep(self.path, files=True)
            self.reread()  # another may have changed it
            self._settle()
            yield
            if self._loose:
                self.update()

    def _settle(self) -> None:
        """Of files that were being replaced as a process was killed, know only what is there."""
        for name, known in self.info.sha256.items():
            if len(known) > 1:
                with suppress(OSError):
                    if (digest := digest_of(read_bytes(self.path / name))) in known:
                        self._know(name, digest)

    def _know(self, name: str, digest: str) -> None:
        """To be written with the next change, at the latest when the run is unlocked."""
        known = self.info.sha256 | {name: (digest,)}
        if known != self.info.sha256:
            self.info, self._loose = self.info.model_copy(update={"sha256": known}), True

    @contextmanager
    def replacing(self, name: str) -> Iterator[Path]:
        """Yield a temporary path; when the block ends well it becomes a file that is read back.

        Its checksum is in run.json before it is there, beside that of the file before it: a process
        may be killed at any instant, and what is there then is known.

        Raises:
            UserError: the disk is unwilling.
        """
        path = self.path / name
        with replacing(path) as temporary:
            yield temporary
            digest = digest_of(read_bytes(temporary))
            before = self.info.sha256.get(name, ())
            if not before:
                with suppress(OSError):  # of an earlier version, or none
                    before = (digest_of(read_bytes(path)),)
            if digest not in before:
                self.update(sha256=self.info.sha256 | {name: (digest, *before)})
        self._know(name, digest)

    def write(self, name: str, content: bytes) -> None:
        """Replace a file that is read back.

        Raises:
            UserError: the disk is unwilling.
        """
        with self.replacing(name) as temporary:
            temporary.write_bytes(content)

    def read(self, name: str) -> bytes:
        """The content of a file, as the run wrote it.

        Raises:
            FileNotFoundError: it is not there.
            UserError: unreadable, or it is not what the run wrote.
        """
        for _ in range(_ATTEMPTS):
            try:
                content = read_bytes(self.path / name)
            except FileNotFoundError:
                raise
            except OSError as error:
                raise self.damaged(name, f"it cannot be read: {reason(error)}") from error
            known = self.info.sha256.get(name)
            if known is None or digest_of(content) in known:
                return content
            self.reread()  # another process may have replaced it since
        raise self.damaged(name, "it is not what the run wrote")

    def tensors(self, name: str) -> dict[str, npt.NDArray[Any]] | None:
        """The arrays of a file; None where it is not there.

        Raises:
            UserError: the file is damaged.
        """
        try:
            return read_tensors(self.read(name))
        except FileNotFoundError:
            return None
        except DamagedFile as error:
            raise self.damaged(name, str(error)) from error

    def damaged(self, name: str, why: str) -> UserError:
        """The error of a file that cannot be used, with what to do about it."""
        remedy = REMEDIES.get(name, ELSE).format(run=self.path)
        return UserError(f"{self.path / name} is damaged: {why}; {remedy}")


def digest_of(content: bytes) -> str:
    """SHA-256, as run.json keeps it."""
    return hashlib.sha256(content).hexdigest()


def _made_with(path: Path) -> str:
    """A tail for the error of a recipe that only files of the user's own may explain."""
    with suppress(UserError, AttributeError):
        extensions = read_json(path).get("extensions", {})
        if missing := sorted(set(map(str, extensions)) - LOADED.keys()):
            return f"; the run was made with {', '.join(missing)}: name the file, --with FILE"
    return ""
