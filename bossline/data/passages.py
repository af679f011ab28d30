"""What is said in a recording, from a file beside it: a text, or labels over time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bossline.core.errors import UserError
from bossline.core.reading import text_of
from bossline.data.alignments.formats import NoAlignment, read_all
from bossline.data.alignments.model import Alignment, IntervalTier
from bossline.data.phones import SILENCES

SUFFIXES = (".lab", ".txt", ".TextGrid", ".textgrid")
"""Of files beside a recording, in the order in which they are looked for."""

LEAST_SECONDS = 0.1
"""Of a stretch with a text: what is shorter is no utterance, as for the Montreal Forced Aligner."""

_UTTERANCES = re.compile(
    "^(?:(.*?) ?- ?)?(?:utterances?|sentences?|phrases?|transcripts?)$", re.IGNORECASE
)
_OF_PHONES = re.compile(" ?-? ?(?:phon.*|segments?|confidence|mau)$", re.IGNORECASE)


@dataclass(frozen=True)
class Passage:
    """A text, and where it is said.

    Attributes:
        speaker: None where nobody says.
        start, end: seconds; None: from the begin of the recording to its end.
    """

    text: str
    speaker: str | None = None
    start: float = 0.0
    end: float | None = None


def beside(recording: Path) -> Path:
    """The file that says what is said in a recording.

    Raises:
        UserError: there is none, or no recording.
    """
    if not recording.exists():
        raise UserError(f"{recording}: no such file")
    for suffix in SUFFIXES:
        if (file := recording.with_suffix(suffix)).is_file():
            return file
    names = ", ".join(recording.with_suffix(suffix).name for suffix in SUFFIXES[:3])
    raise UserError(f"{recording}: no text beside it: expected {names}, or --text")


def read_passages(path: Path, tier: str | None = None) -> list[Passage]:
    """The passages of a text file, or of the intervals of an alignment file, in order of time.

    Of an alignment the tiers are read whose names say utterances, sentences, phrases or
    transcripts; where there are none, all but those of phones. A tier is a speaker, where there are
    several.

    Args:
        tier: the one to take.

    Raises:
        UserError: unreadable, nothing said in it, or no such tier.
    """
    try:
        (alignment,) = read_all(path).values()
    except NoAlignment:
        return [Passage(_text(path))]
    except ValueError as error:
        raise UserError(f"{path}: not one recording's") from error
    try:
        tiers = [alignment.phones(tier)] if tier is not None else _tiers(alignment)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    found = [
        Passage(one.label, _speaker(of) if len(tiers) > 1 else None, max(one.start, 0.0), one.end)
        for of in tiers
        for one in of.intervals
        if one.label.strip() not in SILENCES and one.end - one.start >= LEAST_SECONDS
    ]
    if not found:
        names = ", ".join(f"'{one.name}'" for one in tiers) or "none"
        raise UserError(f"{path}: nothing is said in it; tiers of utterances: {names}")
    return sorted(found, key=lambda one: (one.start, one.speaker or ""))


def _tiers(alignment: Alignment) -> list[IntervalTier]:
    tiers = [one for one in alignment.tiers if isinstance(one, IntervalTier)]
    named = [one for one in tiers if _UTTERANCES.match(one.name)]
    return named or [one for one in tiers if not _OF_PHONES.search(one.name)]


def _speaker(tier: IntervalTier) -> str:
    match = _UTTERANCES.match(tier.name)
    return (match and match[1]) or tier.name


def _text(path: Path) -> str:
    text = text_of(path)
    if not text.strip():
        raise UserError(f"{path}: an empty text")
    return text
