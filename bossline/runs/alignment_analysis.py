"""How well texts fit what was heard, an utterance a line: which alignments to look at first.

The table has the name, and the first columns the meaning, of the Montreal Forced Aligner's.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

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
    """The lines of a folder of alignments."""

    def __init__(self, folder: Path, kept: Callable[[str], bool] | None = None) -> None:
        """
        Args:
            kept: whether an alignment of an earlier call stays, so that its line does.
        """
        self._path = folder / NAME
        self.lines = [] if kept is None else [one for one in self._there() if kept(one.file)]

    def _there(self) -> Iterable[Line]:
        """The lines of an earlier call; none where the file is another one."""
        names = [field.name for field in fields(Line)]
        try:
            rows = list(csv.reader(read_text(self._path).splitlines()))
            if not rows or rows[0] != names:
                return []
            return [_line(dict(zip(names, row, strict=True))) for row in rows[1:]]
        except (OSError, ValueError, csv.Error):
            return []

    def add(self, aligned: Aligned) -> None:
        self.lines += [Line.of(aligned.id, one) for one in aligned.utterances]

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
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow([field.name for field in fields(Line)])
            for line in sorted(self.lines, key=lambda one: (one.file, one.begin)):
                writer.writerow(asdict(line).values())
        return self._path


def _line(row: dict[str, str]) -> Line:
    texts = ("file", "speaker", "weakest_words")
    cells: dict[str, Any] = {
        name: cell if name in texts else float(cell) for name, cell in row.items()
    }
    return Line(**cells)
