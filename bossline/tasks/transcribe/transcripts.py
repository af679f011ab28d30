"""What was heard in an utterance, as rows of numbers that runs answer with and keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from bossline.tasks.base import Answers
from bossline.tasks.transcribe.decoding.edits import align, distances

RANK, SYMBOL, SCORE, CONFIDENCE, START, END, ENDED = range(7)
"""Columns: of the n-best list, 0 the best; 1 to V; of the whole string, a logarithm; probability
that the symbol is right; first frame, and the one after the last; 0 where the search gave up before
the string ended by itself."""

COLUMNS = 7

Rows = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Transcript:
    """One string that was found.

    Attributes:
        symbols: (L,) 1 to V.
        confidence: (L,) probability that each is right.
        starts: (L,) first frame of each.
        ends: (L,) the frame after its last.
        score: logarithm, by which the n best are ordered.
        ended: whether it ended by itself, not because it became too long.
    """

    symbols: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    starts: npt.NDArray[np.float64]
    ends: npt.NDArray[np.float64]
    score: float
    ended: bool = True

    def rows(self, rank: int) -> Rows:
        """(L, COLUMNS); of an empty string one row, whose symbol is 0."""
        rows = np.zeros((max(len(self.symbols), 1), COLUMNS))
        rows[:, RANK], rows[:, SCORE], rows[:, ENDED] = rank, self.score, self.ended
        if len(self.symbols):
            rows[:, SYMBOL], rows[:, CONFIDENCE] = self.symbols, self.confidence
            rows[:, START], rows[:, END] = self.starts, self.ends
        return rows


def answers_of(found: Sequence[Sequence[Transcript]]) -> Answers:
    """The n-best lists (U,) of utterances as rows."""
    each = [
        np.concatenate([one.rows(rank) for rank, one in enumerate(strings)]) for strings in found
    ]
    return Answers.of(np.concatenate(each), np.array([len(rows) for rows in each]))


def of_pieces(
    found: Sequence[Sequence[Transcript]], utterances: Ints, lengths: Ints
) -> list[list[Transcript]]:
    """(U,) n-best lists of utterances from those of the pieces that they were cut into.

    The k-th best of each piece is joined with the k-th best of the others.

    Args:
        found: (P,) lists of pieces, which lie end to end.
        utterances: (P,) whose piece each is, ascending from 0.
        lengths: (P,) frames of each.
    """
    joined = []
    for _, group in groupby(range(len(found)), key=utterances.__getitem__):
        pieces = list(group)
        count = min(len(found[piece]) for piece in pieces)
        begins = np.append(0, lengths[pieces].cumsum()[:-1])
        joined.append(
            [_joined([found[piece][rank] for piece in pieces], begins) for rank in range(count)]
        )
    return joined


def _joined(pieces: Sequence[Transcript], begins: Ints) -> Transcript:
    """
    Args:
        begins: (P,) the first frame of each piece.
    """
    if len(pieces) == 1:
        return pieces[0]
    told = list(zip(pieces, begins, strict=True))
    return Transcript(
        np.concatenate([piece.symbols for piece in pieces]),
        np.concatenate([piece.confidence for piece in pieces]),
        np.concatenate([piece.starts + begin for piece, begin in told]),
        np.concatenate([piece.ends + begin for piece, begin in told]),
        score=sum(piece.score for piece in pieces),
        ended=all(piece.ended for piece in pieces),
    )


def best(answers: Answers) -> Answers:
    """Of each n-best list the first string."""
    chosen = answers.array[:, RANK] == 0
    lengths = np.array([int(rows.sum()) for rows in np.split(chosen, _ends(answers))], np.int64)
    return Answers(answers.rows[chosen], lengths)


def strings(answers: Answers) -> list[npt.NDArray[np.int64]]:
    """(U,) symbols of utterances' one and only strings, or of what is true of them (N,)."""
    rows = answers.array if answers.rows.ndim == 1 else answers.array[:, SYMBOL]
    each = np.split(rows.astype(np.int64), _ends(answers))
    return [symbols[symbols > 0] for symbols in each]


def judged(answers: Answers, truth: Answers) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """(N,) confidence of each phone of best strings, and whether it stands for itself in the
    alignment with what is true."""
    rows = answers.array
    confidence = rows[rows[:, SYMBOL] > 0, CONFIDENCE]
    return confidence, align(strings(truth), strings(answers)).right


def _ends(answers: Answers) -> npt.NDArray[np.int64]:
    return np.cumsum(answers.lengths)[:-1]


def agreed(members: Sequence[Answers]) -> Answers:
    """Of the best strings of several models for an utterance, that with the fewest errors against
    all others (minimum Bayes risk over the members, Goel & Byrne 2000); of equals the first."""
    lists = [best(member) for member in members]
    rows = [one.each() for one in lists]
    told = [strings(one) for one in lists]
    risks = np.array([sum(distances(other, one) for other in told) for one in told])
    chosen = risks.argmin(0)
    each = [rows[member][utterance] for utterance, member in enumerate(chosen)]
    return Answers.of(np.concatenate(each), np.array([len(one) for one in each]))
