"""Phones over time as files, a file a recording, in the formats of the field."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from bossline.core.errors import UserError, did_you_mean
from bossline.data import alignments
from bossline.tasks.alignment.aligned import Aligned
from bossline.tasks.prediction import PHONES, Prediction


class PhoneFiles:
    """A folder that gets a file for each recording, named by its id.

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

    def __str__(self) -> str:
        return str(self._folder)

    def path(self, id: str) -> Path:
        """Where the phones of a recording are, always in the folder."""
        parts = [part for part in PurePosixPath(id).parts if part not in ("/", "..")]
        return self._folder.joinpath(*parts[:-1], f"{parts[-1]}{self._suffix}")

    def holds(self, id: str) -> bool:
        """Whether the file is there: it is written as a whole or not at all."""
        return self.path(id).is_file()

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
        write_phones(prediction, path, self._format)


def write_phones(prediction: Prediction | Aligned, path: Path, format: str) -> None:
    """Write one file: the tier of phones, and their confidence where there is room for a tier more.

    Raises:
        UserError: phones without times, or a disk that is unwilling.
    """
    tier = PHONES if format in alignments.OF_ONE_TIER else None
    alignments.write(prediction.alignment(), path, format, tier=tier)
