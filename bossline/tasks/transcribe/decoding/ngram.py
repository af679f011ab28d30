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

    def places(self, grams: Ints, words: int) -> Ints:
        """(K,) where n-grams, (K, n), stand; -1 of those that are not here.

        Args:
            words: V + 2.
        """
        if not len(self.grams):
            return np.full(len(grams), -1)
        own, asked = _codes(self.grams, words), _codes(grams, words)
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
    """Interpolated Witten-Bell smoothing (Witten & Bell 1991; Chen & Goodman 1999, section 2.4).

    p(w | h) = (c(h w) + t(h) p(w | h')) / (c(h) + t(h)), with t(h) the different words that were
    seen behind h, h' the context without its first word, and below the empty context 1 / (V + 1).
    Kneser-Ney's discounts need words that were seen once or twice; of 40 phones there are none.

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
    text = np.concatenate([[symbols + 1, *string, 0] for string in strings]).astype(np.int64)
    sizes = np.array([len(string) + 2 for string in strings])
    number = np.repeat(np.arange(len(sizes)), sizes)
    # All words have a unigram, seen or not; the begin is never told.
    known = np.arange(words)
    counts = np.bincount(text, minlength=words)
    counts[-1] = 0
    seen = np.count_nonzero(counts)
    probs = (counts + seen / (symbols + 1)) / (counts.sum() + seen)
    probs[-1] = 0
    levels, codes = [], known
    for length in range(2, order + 1):
        starts = np.flatnonzero(number[: 1 - length] == number[length - 1 :])
        windows = text[starts[:, None] + np.arange(length)]
        longer, counts = np.unique(_codes(windows, words), return_counts=True)
        contexts, first, row, followers = np.unique(
            longer // words, return_index=True, return_inverse=True, return_counts=True
        )
        total = np.add.reduceat(counts, first) if len(first) else first
        shorter = probs[np.searchsorted(codes, longer % words ** (length - 1))]
        backoffs = np.ones(len(codes))
        backoffs[np.searchsorted(codes, contexts)] = followers / (total + followers)
        levels.append(_level(codes, length - 1, words, probs, backoffs))
        probs = (counts + followers[row] * shorter) / (total + followers)[row]
        codes = longer
    levels.append(_level(codes, order, words, probs, np.ones(len(codes))))
    return Ngram(symbols, tuple(levels))


def _level(codes: Ints, length: int, words: int, probs: Floats, backoffs: Floats) -> Level:
    powers = words ** np.arange(length - 1, -1, -1)
    with np.errstate(divide="ignore"):
        return Level(codes[:, None] // powers % words, np.log(probs), np.log(backoffs))


def _codes(grams: Ints, words: int) -> Ints:
    """(M, n) -> (M,) a number for each n-gram; in the order of their rows."""
    return np.asarray(grams @ words ** np.arange(grams.shape[1] - 1, -1, -1, dtype=np.int64))
