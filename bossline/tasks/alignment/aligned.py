"""A recording with its text over time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bossline.core.counting import counted
from bossline.core.html import ROWS_SHOWN, html_table
from bossline.data.alignments.model import Alignment, Interval, IntervalTier
from bossline.tasks.prediction import PHONES, Segment

WORDS, CONFIDENCE = "words", "confidence"


@dataclass(frozen=True)
class Word:
    """A word, and its phones, which share its time."""

    start: float  # seconds
    end: float  # seconds
    word: str
    confidence: float  # mean posterior of its phones, by time
    phones: tuple[Segment, ...]


@dataclass(frozen=True)
class Utterance:
    """What one speaker says in one stretch of a recording.

    Attributes:
        speaker: None where the text does not tell.
        start, end: seconds, of the stretch.
    """

    speaker: str | None
    start: float
    end: float
    words: tuple[Word, ...]


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
        label."""
        speakers = list(dict.fromkeys(one.speaker for one in self.utterances))
        tiers = []
        for speaker in speakers:
            words = [
                word for one in self.utterances if one.speaker == speaker for word in one.words
            ]
            name = f"{speaker} - " if len(speakers) > 1 else ""
            tiers += _tiers(words, name)
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

    def _repr_html_(self) -> str:
        words = self.words
        rows = [
            (
                f"{word.start:.2f} s",
                f"{word.end:.2f} s",
                word.word,
                " ".join(one.phone for one in word.phones),
                f"{word.confidence:.2f}",
            )
            for word in words[:ROWS_SHOWN]
        ]
        head = ("from", "to", "word", "phones", "confidence")
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
