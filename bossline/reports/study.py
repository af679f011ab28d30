"""One self-contained HTML page about what many runs found together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from bossline.core.files import write_text
from bossline.evaluation.comparison import Verdict
from bossline.figures.picture import Picture
from bossline.reports.template import render

_NUMBER = re.compile(r"[+−-]?\d")


@dataclass(frozen=True)
class StudyTable:
    """A table of text; the first column names the row, columns of numbers stand to the right."""

    heading: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def is_numeric(self, column: int) -> bool:
        """Whether every cell that is not empty begins with a number.

        >>> table = StudyTable("", ("cell", "difference"), (("3 layers", ""), ("wide", "−0.1")))
        >>> table.is_numeric(0), table.is_numeric(1)
        (False, True)
        """
        return all(_NUMBER.match(row[column]) for row in self.rows if row[column] not in ("", "–"))


def write_study(
    path: Path,
    *,
    title: str,
    stands_on: Sequence[str],
    about: str,
    facts: Mapping[str, str],
    verdict: str,
    tables: Sequence[StudyTable],
    pictures: Sequence[Picture],
) -> Path:
    """Write the page of a study; the same input gives the same bytes.

    Args:
        path: the HTML file; replaced as a whole.
        stands_on: corpus, split and date, for the header.
        about: what was asked, in a sentence or two.
        facts: what the figures stand on: data, split, seeds, command.
        verdict: what was found, a paragraph made from the figures.
        tables: verdicts of a comparison in their cells are coloured.
        pictures: with keys of their own, see `Picture.of`.

    Raises:
        UserError: the file cannot be written.
    """
    html = render(
        "study.html.j2",
        title=title,
        stands_on=stands_on,
        about=about,
        facts=facts,
        verdict=verdict,
        tables=tables,
        pictures=pictures,
        verdicts=get_args(Verdict),
    )
    write_text(path, html)
    return path
