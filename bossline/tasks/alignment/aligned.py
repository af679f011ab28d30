"""A recording with its text over time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from bossline.core.counting import counted
from bossline.core.html import ROWS_SHOWN, html_table
from bossline.core.language import speaking, term, tr
from bossline.data.alignments.model import Alignment, Interval, IntervalTier, Point, PointTier
from bossline.tasks.prediction import PHONES, Segment

WORDS, CONFIDENCE, EDGES = "words", "confidence", "edges"


@dataclass(frozen=True)
class Word:
    """A word, and its phones, which share its time."""

    start: float  # seconds
    end: float  # seconds
    word: str
    confidence: float  # mean posterior of its phones, by time
    phones: tuple[Segment, ...]


@dataclass(frozen=True)
class Fit:
    """How well a text fits what was heard; logarithms are of posteriors, a frame's mean.

    Attributes:
        log_likelihood: of all frames.
        speech_log_likelihood: of those that are no silence.
        duration_deviation: the largest of the phones' durations off the usual, in standard
            deviations of their logarithms.
        weakest: of the second of speech that fits worst.
        weakest_at: seconds, where that second begins.
    """

    log_likelihood: float
    speech_log_likelihood: float
    duration_deviation: float
    weakest: float
    weakest_at: float


@dataclass(frozen=True)
class Edge:
    """A moment at which a phone begins or ends, as several runs see it.

    Attributes:
        time: seconds, the median.
        low, high: where the first and the last run put it.
    """

    time: float
    low: float
    high: float


@dataclass(frozen=True)
class Utterance:
    """What one speaker says in one stretch of a recording.

    Attributes:
        speaker: None where the text does not tell.
        start, end: seconds, of the stretch.
        edges: where phones begin and end; none where one run was asked.
    """

    speaker: str | None
    start: float
    end: float
    words: tuple[Word, ...]
    fit: Fit
    edges: tuple[Edge, ...] = ()

    def later(self, seconds: float) -> Utterance:
        """The same, so much later."""
        words = tuple(
            replace(
                word,
                start=word.start + seconds,
                end=word.end + seconds,
                phones=tuple(
                    replace(phone, start=phone.start + seconds, end=phone.end + seconds)
                    for phone in word.phones
                ),
            )
            for word in self.words
        )
        edges = tuple(
            Edge(one.time + seconds, one.low + seconds, one.high + seconds) for one in self.edges
        )
        fit = replace(self.fit, weakest_at=self.fit.weakest_at + seconds)
        start, end = self.start + seconds, self.end + seconds
        return Utterance(self.speaker, start, end, words, fit, edges)


@dataclass(frozen=True, repr=False)
class Aligned:
    """Words and phones of one recording.

    Attributes:
        id: of the recording.
        seconds: how long it is.
        utterances: in order of time.
    """

    id: str
    seconds: float
    utterances: tuple[Utterance, ...]

    @property
    def words(self) -> list[Word]:
        """Of all utterances."""
        return [word for one in self.utterances for word in one.words]

    @property
    def segments(self) -> list[Segment]:
        """The phones of all words."""
        return [phone for word in self.words for phone in word.phones]

    def alignment(self) -> Alignment:
        """Tiers `words`, `phones` and `confidence`, as the Montreal Forced Aligner calls the first
        two; where there are several speakers, those of each, as in `ann - words`. Silence has no
        label. Of several runs there is a tier of points, `edges`: from when to when they put each.
        """
        speakers = list(dict.fromkeys(one.speaker for one in self.utterances))
        tiers: list[IntervalTier | PointTier] = []
        for speaker in speakers:
            own = [one for one in self.utterances if one.speaker == speaker]
            name = f"{speaker} - " if len(speakers) > 1 else ""
            tiers += _tiers([word for one in own for word in one.words], name)
            if edges := [edge for one in own for edge in one.edges]:
                points = (Point(one.time, f"{one.low:.4f} {one.high:.4f}") for one in edges)
                tiers.append(PointTier(name + EDGES, tuple(points)))
        return Alignment(0.0, self.seconds, tuple(tiers))

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "seconds": self.seconds,
            "utterances": [asdict(one) for one in self.utterances],
        }

    def to_json(self) -> str:
        """`to_dict` on one line."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    def __repr__(self) -> str:
        said = f"{counted(len(self.words), 'word')}, {counted(len(self.segments), 'phone')}"
        return f"Aligned({self.id!r}: {said})"

    @speaking()
    def _repr_html_(self) -> str:
        words = self.words
        rows = [
            (
                tr("{seconds:.2f} s", seconds=word.start),
                tr("{seconds:.2f} s", seconds=word.end),
                word.word,
                " ".join(one.phone for one in word.phones),
                f"{word.confidence:.2f}",
            )
            for word in words[:ROWS_SHOWN]
        ]
        head = (tr("from"), tr("to"), term("word"), term("phones"), tr("Confidence"))
        return html_table(self.id, head, rows, len(words) - len(rows))


def _tiers(words: Sequence[Word], before: str) -> list[IntervalTier]:
    phones = [phone for word in words for phone in word.phones]
    return [
        IntervalTier(before + WORDS, tuple(Interval(w.start, w.end, w.word) for w in words)),
        IntervalTier(before + PHONES, tuple(Interval(p.start, p.end, p.phone) for p in phones)),
        IntervalTier(
            before + CONFIDENCE,
            tuple(Interval(p.start, p.end, f"{p.confidence:.2f}") for p in phones),
        ),
    ]
