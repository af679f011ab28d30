"""Which phone follows which others: an n-gram model, estimated on training strings.

Words of the model are the string's end (0), symbols 1..V, and its begin (V + 1), which stands in
contexts only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field

from bossline.core.config import Config
from bossline.core.errors import UserError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOST_WORDS = 6  # of an n-gram


class NgramConfig(Config):
    """A model of phone strings, estimated on those of training."""

    order: int = Field(
        4, ge=1, le=MOST_WORDS, description="phones that are counted together, the last one told"
    )
    weight: float = Field(0.3, ge=0, le=10, description="of its log-probabilities")
    file: str | None = Field(
        None, description="an ARPA file of the same phones, in place of counts of training strings"
    )


@dataclass(frozen=True, eq=False)
class Level:
    """All n-grams of one length that have a probability of their own.

    Attributes:
        grams: (M, n) words, sorted by row, none twice.
        log_probs: (M,) natural logarithms of the last word behind those before.
        backoffs: (M,) natural logarithms of what shorter contexts are multiplied by where this one
            does not know a word; 0 of the longest n-grams.
    """

    grams: Ints
    log_probs: Floats
    backoffs: Floats

    def codes(self, words: int) -> Ints:
        """(M,) a number for each n-gram, in the order of their rows.

        Args:
            words: V + 2.
        """
        return _codes(self.grams, words)

    def places(self, grams: Ints, words: int) -> Ints:
        """(K,) where n-grams, (K, n), stand; -1 of those that are not here.

        Args:
            words: V + 2.
        """
        if not len(self.grams):
            return np.full(len(grams), -1)
        own, asked = self.codes(words), _codes(grams, words)
        place = np.minimum(np.searchsorted(own, asked), len(own) - 1)
        return np.where(own[place] == asked, place, -1)


@dataclass(frozen=True, eq=False)
class Ngram:
    """A backoff model, as ARPA files hold it.

    Attributes:
        symbols: V.
        levels: of the n-grams of 1, ..., N words. The first has all words.
    """

    symbols: int
    levels: tuple[Level, ...]

    @property
    def order(self) -> int:
        """N."""
        return len(self.levels)

    @property
    def words(self) -> int:
        """V + 2."""
        return self.symbols + 2


def estimate(strings: Sequence[Ints] | Sequence[Sequence[int]], symbols: int, order: int) -> Ngram:
    """Modified Kneser-Ney smoothing, interpolated (Chen & Goodman 1999, sections 3.1 to 3.3).

    p(w | h) = (c(h w) - D(c)) / c(h) + g(h) p(w | h'), with h' the context without its first word,
    D the discounts of `_discounts`, g(h) what they left over, and below the empty context
    1 / (V + 1). Counts c of the longest n-grams, and of those that begin a string, are how often
    they were seen; of others behind how many different words.

    Args:
        strings: symbols 1..V; some may be empty.
        symbols: V.
        order: N, at most `MOST_WORDS`.

    Raises:
        UserError: there are no strings.
    """
    if not len(strings):
        raise UserError("an n-gram model needs strings to count; the training split has none")
    words = symbols + 2
    seen = _seen(strings, words, order)
    levels: list[Level] = []
    # All words have a unigram, seen or not; the begin is never told.
    codes, probs = np.zeros(1, np.int64), np.full(1, 1 / (symbols + 1))
    for length in range(1, order + 1):
        longer, counts = seen[length - 1]
        if length < order:
            counts = _different(seen[length][0], longer, counts, words**length, symbols + 1)
        if length == 1:
            counts = np.bincount(longer, counts, words).astype(np.int64)
            longer = np.arange(words)
            counts[-1] = 0
        contexts, first, row = np.unique(longer // words, return_index=True, return_inverse=True)
        discounts = _discounts(counts)[np.minimum(counts, 3)]
        total = np.add.reduceat(counts, first) if len(first) else first
        left = np.add.reduceat(discounts, first) / total if len(first) else first
        backoffs = np.ones(len(codes))
        backoffs[np.searchsorted(codes, contexts)] = left
        if length > 1:
            levels.append(_level(codes, length - 1, words, probs, backoffs))
        shorter = probs[np.searchsorted(codes, longer % words ** (length - 1))]
        probs = (counts - discounts) / total[row] + left[row] * shorter
        codes = longer
        if length == 1:
            probs[-1] = 0
    levels.append(_level(codes, order, words, probs, np.ones(len(codes))))
    return Ngram(symbols, tuple(levels))


def _seen(
    strings: Sequence[Ints] | Sequence[Sequence[int]], words: int, order: int
) -> list[tuple[Ints, Ints]]:
    """Of each length the n-grams that are there, as sorted codes, and how often they are."""
    text = np.concatenate([[words - 1, *string, 0] for string in strings]).astype(np.int64)
    sizes = np.array([len(string) + 2 for string in strings])
    number = np.repeat(np.arange(len(sizes)), sizes)
    found = []
    for length in range(1, order + 1):
        starts = np.flatnonzero(number[: max(0, len(text) + 1 - length)] == number[length - 1 :])
        windows = text[starts[:, None] + np.arange(length)]
        codes, counts = np.unique(_codes(windows, words), return_counts=True)
        found.append((codes, counts.astype(np.int64)))
    return found


def _different(longer: Ints, codes: Ints, counts: Ints, above: int, begin: int) -> Ints:
    """Behind how many different words each n-gram stands; at a string's begin, its counts.

    Args:
        longer: codes of the n-grams that are longer by one word.
        above: the first number that is no code of these n-grams.
        begin: the word; n-grams of it stand behind nothing.
    """
    ends, kinds = np.unique(longer % above, return_counts=True)
    found = np.zeros(len(codes), np.int64)
    found[np.searchsorted(codes, ends)] = kinds
    return np.where(codes // (above // (begin + 1)) == begin, counts, found)


def _discounts(counts: Ints) -> Floats:
    """(4,) what is taken off counts of 0, 1, 2, and 3 or more (Chen & Goodman 1999, equation 26).

    They need n-grams that were counted once to four times, in a falling number. Of few symbols or a
    short text there may be none; there it is a half, 1 and 1.5.
    """
    ones, twos, threes, fours = (np.count_nonzero(counts == k) for k in (1, 2, 3, 4))
    found = np.array([0.0, 0.5, 1.0, 1.5])
    if ones and twos and threes and fours:
        share = ones / (ones + 2 * twos)
        off = np.array(
            [
                1 - 2 * share * twos / ones,
                2 - 3 * share * threes / twos,
                3 - 4 * share * fours / threes,
            ]
        )
        if (off > 0).all():
            found[1:] = off
    return found


def _level(codes: Ints, length: int, words: int, probs: Floats, backoffs: Floats) -> Level:
    powers = words ** np.arange(length - 1, -1, -1)
    with np.errstate(divide="ignore"):
        return Level(codes[:, None] // powers % words, np.log(probs), np.log(backoffs))


def _codes(grams: Ints, words: int) -> Ints:
    """(M, n) -> (M,) a number for each n-gram; in the order of their rows."""
    return np.asarray(grams @ words ** np.arange(grams.shape[1] - 1, -1, -1, dtype=np.int64))
