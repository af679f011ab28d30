"""Searches that went astray, and not by a phone or two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from bossline.core.config import Config
from bossline.core.language import term, tr
from bossline.tasks.base import Answers
from bossline.tasks.transcribe import transcripts
from bossline.tasks.transcribe.transcripts import ENDED

_PHRASE, _TIMES = 3, 3  # so many phones, so many times in a row
_LEAST, _MOST = 0.5, 1.5  # times as long as what was said
WORDS = {"unended": "never ended", "loops": "looping", "short": "too short", "long": "too long"}


class Failures(Config):
    """How many utterances' best strings are no good, by what is wrong; one may count twice.

    Attributes:
        unended: the search gave up before the string ended by itself.
        loops: a phrase of at least 3 phones is said 3 or more times in a row, and more often than
            any such phrase is in the reference.
        short: less than half as many phones as the reference has.
        long: more than one and a half times as many.
    """

    unended: int = Field(0, ge=0)
    loops: int = Field(0, ge=0)
    short: int = Field(0, ge=0)
    long: int = Field(0, ge=0)

    @classmethod
    def of(cls, decided: Answers, truth: Answers) -> Self:
        """
        Args:
            decided: (N, COLUMNS) of the best strings.
            truth: (N,) symbols.
        """
        said, told = transcripts.strings(truth), transcripts.strings(decided)
        ratios = np.array([len(b) / len(a) for a, b in zip(said, told, strict=True)])
        ended = np.array([bool(rows[:, ENDED].all()) for rows in decided.each()])
        return cls(
            unended=int((~ended).sum()),
            loops=sum(map(_loops, said, told)),
            short=int((ratios < _LEAST).sum()),
            long=int((ratios > _MOST).sum()),
        )

    @classmethod
    def pooled(cls, several: Sequence[Failures]) -> Self:
        """Of several test sets."""
        names = cls.model_fields
        return cls(**{name: sum(getattr(one, name) for one in several) for name in names})

    @property
    def found(self) -> dict[str, int]:
        """Those that there are."""
        counts: dict[str, int] = self.model_dump()
        return {name: count for name, count in counts.items() if count}

    def sentence(self, utterances: int) -> str:
        """For people, in the language that is spoken.

        Args:
            utterances: of which these are some.

        >>> Failures(loops=2, long=1).sentence(40)
        'Searches that failed, of 40: 2 looping, 1 too long.'
        """
        listed = tr(", ").join(
            tr("{count:,} {kind}", count=count, kind=term(WORDS[name]))
            for name, count in self.found.items()
        )
        return tr(
            "Searches that failed, of {count:,}: {listed}.",
            count=utterances,
            listed=listed or tr("none"),
        )


def _loops(said: npt.NDArray[np.int64], told: npt.NDArray[np.int64]) -> bool:
    times = times_in_a_row(told)
    return times >= _TIMES and times > times_in_a_row(said)


def times_in_a_row(string: npt.NDArray[np.int64]) -> int:
    """How often a phrase of at least 3 symbols follows itself, the first time included.

    >>> times_in_a_row(np.array([9, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1]))
    3
    """
    most = 1
    for length in range(_PHRASE, len(string) // 2 + 1):
        equal = string[length:] == string[:-length]
        edges = np.flatnonzero(np.diff(equal, prepend=False, append=False))
        longest = int((edges[1::2] - edges[::2]).max(initial=0))
        most = max(most, longest // length + 1)
    return most
