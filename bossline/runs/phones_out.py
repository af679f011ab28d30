"""Phones over time as files, a file a recording, in the formats of the field."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from bossline.core.errors import UserError, did_you_mean
from bossline.core.files import read_json, write_json
from bossline.data import alignments
from bossline.tasks.alignment.aligned import Aligned
from bossline.tasks.prediction import PHONES, Prediction

MADE_BY = ".made-by"
"""What made the files of a folder, as JSON: weights, and what was asked."""


class PhoneFiles:
    """A folder that gets a file for each recording, named by its id.

    What an earlier call has made of the same recordings in the same way is there to stay.

    Raises:
        UserError: no such format, or a file stands where the folder is to be.
    """

    def __init__(self, folder: Path, format: str) -> None:
        """
        Args:
            folder: made when the first file is written.
            format: one of `alignments.WRITTEN`.
        """
        if format not in alignments.WRITTEN:
            raise UserError(f"--format {format}: {did_you_mean(format, alignments.WRITTEN)}")
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder}: a file; --format writes a folder with a file a recording")
        self._folder, self._format = folder, format
        suffix = alignments.FORMATS[format].suffixes[0]
        self._suffix = ".TextGrid" if format == "textgrid" else suffix  # as everybody writes it
        self._made_by: dict[str, Any] = {}
        self._since: int | None = None  # when the first file was made in the same way, by its clock

    def __str__(self) -> str:
        return str(self._folder)

    def path(self, id: str) -> Path:
        """Where the phones of a recording are, always in the folder."""
        parts = [part for part in PurePosixPath(id).parts if part not in ("/", "..")]
        return self._folder.joinpath(*parts[:-1], f"{parts[-1]}{self._suffix}")

    def begin(self, made_by: dict[str, Any]) -> None:
        """Go on with what is there where it was made in the same way.

        Args:
            made_by: all that decides what is written, as JSON has it.
        """
        self._made_by = made_by | {"format": self._format}
        there = self._folder / MADE_BY
        try:
            if there.exists() and read_json(there) == self._made_by:
                self._since = there.stat().st_mtime_ns
        except (UserError, OSError):  # a folder of somebody else's, which is written over
            return

    def holds(self, id: str, sources: Iterable[Path] = ()) -> bool:
        """Whether the file of a recording is there, made in the same way, and none of its sources
        newer: it was written as a whole or not at all."""
        if self._since is None:
            return False
        try:
            made = self.path(id).stat().st_mtime_ns
            return made >= max([self._since, *(one.stat().st_mtime_ns for one in sources)])
        except OSError:
            return False

    def write(self, prediction: Prediction | Aligned) -> None:
        """
        Raises:
            UserError: phones without times, or a disk that is unwilling.
        """
        path = self.path(prediction.id)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write {path.parent}: {error.strerror}") from error
        if self._made_by and self._since is None:
            there = self._folder / MADE_BY
            write_json(there, self._made_by)
            self._since = there.stat().st_mtime_ns
        write_phones(prediction, path, self._format)


def write_phones(prediction: Prediction | Aligned, path: Path, format: str) -> None:
    """Write one file: the tier of phones, and their confidence where there is room for a tier more.

    Raises:
        UserError: phones without times, or a disk that is unwilling.
    """
    tier = PHONES if format in alignments.OF_ONE_TIER else None
    alignments.write(prediction.alignment(), path, format, tier=tier)
