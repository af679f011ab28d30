"""Predictions for people and programs: what every kind of them has, and that of a class."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.core.html import ROWS_SHOWN, html_table
from bossline.core.language import speaking, term, tr
from bossline.data.alignments.model import Alignment, Interval, IntervalTier
from bossline.data.phones import SILENCES

if TYPE_CHECKING:
    import pandas

Outputs = npt.NDArray[np.float32]
Cells = tuple[object, ...]

LIKELIEST = 5
"""Classes that a prediction of one tells of."""

PHONES = "phones"
"""The tier that holds them, as the Montreal Forced Aligner calls it."""


@dataclass(frozen=True, repr=False)
class Prediction(ABC):
    """What a model made of one utterance, image or row.

    Attributes:
        columns: of the table that `records` fills.
        digits: how text shows its numbers.
    """

    columns: ClassVar[tuple[str, ...]]
    digits: ClassVar[str] = ".4f"

    id: str
    outputs: Outputs  # what the model answered for the item: (N, C) probabilities, (1,) a value

    @property
    @abstractmethod
    def header(self) -> Cells:
        """Of a submission."""

    @abstractmethod
    def rows(self, first: int) -> list[Cells]:
        """Of a submission; `first` rows stand before them."""

    @abstractmethod
    def records(self) -> Iterator[Cells]:
        """What `columns` name: plain numbers and text."""

    def in_letters(self) -> Prediction:
        """A string of phones with a letter a phone, for a submission that wants these.

        Raises:
            UserError: it is no string, or its phones have no letters.
        """
        raise UserError("--letters is for strings of phones: take a run of the task transcribe")

    def alignment(self) -> Alignment:
        """As a file of labels over time holds it.

        Raises:
            UserError: it has no times.
        """
        raise UserError("labels over time are of phones: take a run of phoneme or transcribe")

    def of_frames(self, count: int) -> Prediction:
        """The same, where the item has so many frames and does not tell by itself."""
        return self

    @property
    def said(self) -> str:
        """In a few words."""
        return counted(sum(1 for _ in self.records()), "row")

    def lines(self) -> Iterator[tuple[str, ...]]:
        """The records as text, for files and people."""
        for record in self.records():
            yield tuple(
                f"{cell:{self.digits}}" if isinstance(cell, float) else str(cell) for cell in record
            )

    def to_dict(self) -> dict[str, Any]:
        """As JSON may have it."""
        rows = [dict(zip(self.columns, record, strict=True)) for record in self.records()]
        return {"id": self.id, "rows": rows}

    def to_json(self) -> str:
        """`to_dict` on one line."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    def frame(self) -> pandas.DataFrame:
        """The records as a pandas table.

        Raises:
            UserError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise UserError("a table needs pandas: pip install pandas") from error
        return pandas.DataFrame(list(self.records()), columns=list(self.columns))

    @property
    def number(self) -> str:
        """The id as the source's own lists have it: its last part."""
        return self.id.rpartition("/")[2]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r}: {self.said})"

    @speaking()
    def _repr_html_(self) -> str:
        lines, head = list(self.lines()), [*map(term, self.columns)]
        return html_table(self.id, head, lines[:ROWS_SHOWN], len(lines[ROWS_SHOWN:]))


@dataclass(frozen=True)
class Segment:
    """A stretch of an utterance that is one phone."""

    start: float  # seconds
    end: float  # seconds
    phone: str
    confidence: float  # probability that the phone is right


@dataclass(frozen=True, repr=False)
class SegmentedPrediction(Prediction):
    """Phones over time."""

    @property
    @abstractmethod
    def segments(self) -> list[Segment]:
        """In order of time."""

    @property
    def seconds(self) -> float:
        """Where the utterance ends."""
        return max((one.end for one in self.segments), default=0.0)

    def alignment(self) -> Alignment:
        """A tier of phones, in which silence has no label, and a tier of their confidence.

        A phone that takes no time, as a search may find one, has no place in it.
        """
        segments = self.segments
        said = [one for one in segments if one.phone not in SILENCES and one.start < one.end]
        spoken = tuple(Interval(one.start, one.end, one.phone) for one in said)
        sure = tuple(Interval(one.start, one.end, f"{one.confidence:.2f}") for one in said)
        tiers = IntervalTier(PHONES, spoken), IntervalTier("confidence", sure)
        return Alignment(0.0, self.seconds, tiers)

    @property
    def said(self) -> str:
        phones = [segment.phone for segment in islice(self.segments, ROWS_SHOWN)]
        rest = len(self.segments) - len(phones)
        return " ".join(phones) + (f" and {rest:,} more" if rest else "")

    def to_dict(self) -> dict[str, Any]:
        return {"id": self.id, "segments": [asdict(segment) for segment in self.segments]}

    @speaking()
    def _repr_html_(self) -> str:
        segments = self.segments
        rows = [
            (
                tr("{seconds:.2f} s", seconds=one.start),
                tr("{seconds:.2f} s", seconds=one.end),
                one.phone,
                f"{one.confidence:.2f}",
            )
            for one in segments[:ROWS_SHOWN]
        ]
        head = (tr("from"), tr("to"), term("phone"), term("probability"))
        return html_table(self.id, head, rows, len(segments) - len(rows))


@dataclass(frozen=True, repr=False)
class ClassPrediction(Prediction):
    """One class for the whole: a speaker, or what is in an image."""

    header = ("Id", "Category")

    classes: tuple[str, ...]

    @property
    def label(self) -> int:
        return int(self.outputs[0].argmax())

    @property
    def name(self) -> str:
        return self.classes[self.label]

    @property
    def confidence(self) -> float:
        return float(self.outputs[0].max())

    @property
    def likeliest(self) -> list[tuple[str, float]]:
        """The most probable classes, the best first, with their probabilities."""
        (row,) = self.outputs
        order = row.argsort(kind="stable")[: -LIKELIEST - 1 : -1]
        return [(self.classes[label], float(row[label])) for label in order]

    @property
    def said(self) -> str:
        return f"{self.name} {self.confidence:.2f}"

    def to_dict(self) -> dict[str, Any]:
        (record,) = self.records()
        likeliest = [{"name": name, "probability": share} for name, share in self.likeliest]
        return {**dict(zip(self.columns, record, strict=True)), "likeliest": likeliest}

    @speaking()
    def _repr_html_(self) -> str:
        rows = [(name, f"{share:.4f}") for name, share in self.likeliest]
        return html_table(self.id, (tr("class"), term("probability")), rows)
