"""How well texts fit what was heard, an utterance a line: which alignments to look at first.

The table has the name, and the first columns the meaning, of the Montreal Forced Aligner's.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from bossline.core.errors import UserError
from bossline.core.files import replacing
from bossline.core.reading import read_text
from bossline.tasks.alignment.aligned import Aligned, Utterance

NAME = "alignment_analysis.csv"
_SECOND = 1.0


@dataclass(frozen=True)
class Line:
    """Of one utterance; see `Fit` for what its numbers mean."""

    file: str
    begin: float
    end: float
    speaker: str
    overall_log_likelihood: float
    speech_log_likelihood: float
    phone_duration_deviation: float
    confidence: float
    weakest_log_likelihood: float
    weakest_at: float
    weakest_words: str

    @classmethod
    def of(cls, id: str, said: Utterance) -> Line:
        fit = said.fit
        seconds = sum(word.end - word.start for word in said.words)
        sure = sum(word.confidence * (word.end - word.start) for word in said.words)
        end = fit.weakest_at + _SECOND
        weak = [one.word for one in said.words if one.end > fit.weakest_at and one.start < end]
        return cls(
            file=id,
            begin=round(said.start, 4),
            end=round(said.end, 4),
            speaker=said.speaker or "",
            overall_log_likelihood=round(fit.log_likelihood, 4),
            speech_log_likelihood=round(fit.speech_log_likelihood, 4),
            phone_duration_deviation=round(fit.duration_deviation, 3),
            confidence=round(sure / seconds, 4),
            weakest_log_likelihood=round(fit.weakest, 4),
            weakest_at=round(fit.weakest_at, 3),
            weakest_words=" ".join(weak),
        )


class Analysis:
    """The lines of a folder of alignments, a file that grows with them."""

    def __init__(self, folder: Path, kept: Callable[[str], bool]) -> None:
        """
        Args:
            kept: whether an alignment of an earlier call stays, so that its lines do.
        """
        self._path = folder / NAME
        self._lines: dict[str, list[Line]] = {}
        self._grows = False
        for line in self._there():
            if kept(line.file):
                self._lines.setdefault(line.file, []).append(line)

    def _there(self) -> Iterator[Line]:
        """The lines of an earlier call; none where the file is another one."""
        names = [field.name for field in fields(Line)]
        try:
            rows = list(csv.reader(read_text(self._path).splitlines()))
        except (OSError, ValueError, csv.Error):
            return
        if not rows or rows[0] != names:
            return
        for row in rows[1:]:
            with suppress(ValueError):  # half a line, which a kill has left
                yield _line(dict(zip(names, row, strict=True)))

    def __contains__(self, id: str) -> bool:
        return id in self._lines

    @property
    def lines(self) -> list[Line]:
        """By recording, in order of time."""
        return sorted(chain(*self._lines.values()), key=lambda one: (one.file, one.begin))

    def add(self, aligned: Aligned) -> None:
        """
        Raises:
            UserError: the disk is unwilling.
        """
        grows = self._grows and aligned.id not in self._lines
        new = [Line.of(aligned.id, one) for one in aligned.utterances]
        self._lines[aligned.id] = new
        if not grows:
            self.write()
            self._grows = True
            return
        try:
            with self._path.open("a", newline="", encoding="utf-8") as stream:
                _writer(stream).writerows(asdict(line).values() for line in new)
        except OSError as error:
            raise UserError(f"cannot write {self._path}: {error.strerror}") from error

    @property
    def first(self) -> list[Line]:
        """In the order in which they want to be looked at."""
        return sorted(self.lines, key=lambda one: one.weakest_log_likelihood)

    def write(self) -> Path:
        """
        Raises:
            UserError: the disk is unwilling.
        """
        with (
            replacing(self._path) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as stream,
        ):
            writer = _writer(stream)
            writer.writerow([field.name for field in fields(Line)])
            writer.writerows(asdict(line).values() for line in self.lines)
        return self._path


def _writer(stream: TextIO) -> Any:
    return csv.writer(stream, lineterminator="\n")


def _line(row: dict[str, str]) -> Line:
    texts = ("file", "speaker", "weakest_words")
    cells: dict[str, Any] = {
        name: cell if name in texts else float(cell) for name, cell in row.items()
    }
    return Line(**cells)
