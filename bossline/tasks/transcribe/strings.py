"""Strings of phones: a corpus' own or of its frame labels, as arrays, and as names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bossline.data.packed import Corpus, Ints
from bossline.data.phones import Vocabulary
from bossline.training.objectives import IGNORED

UNIT = "phones"


@dataclass(frozen=True)
class Strings:
    """Strings of U utterances, end to end.

    Attributes:
        symbols: (N,) 1 to V.
        lengths: (U,), 0 where nothing is said.
    """

    symbols: Ints
    lengths: Ints

    @classmethod
    def of(cls, each: Sequence[npt.NDArray[np.int64]]) -> Strings:
        lengths = np.array([len(string) for string in each], np.int64)
        return cls(np.concatenate([np.zeros(0, np.int64), *each]), lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def repeats(self) -> Ints:
        """(U,) symbols that equal the one before: CTC puts a blank between the two."""
        ends = np.cumsum(self.lengths)
        equal = np.append(0, np.cumsum(np.append(False, np.diff(self.symbols) == 0)))
        starts = ends - self.lengths
        within = equal[ends] - equal[np.minimum(starts + 1, ends)]
        return np.asarray(within, np.int64)

    def padded(self, items: Ints, width: int = 1) -> Ints:
        """(B, L) some of the strings, zeros beyond their ends; L is at least the width, and 1."""
        lengths = self.lengths[items]
        rows = np.zeros((len(items), max(1, width, int(lengths.max()))), np.int64)
        starts = np.cumsum(self.lengths)[items] - lengths
        inside = np.arange(rows.shape[1]) < lengths[:, None]
        rows[inside] = np.concatenate(
            [self.symbols[a : a + n] for a, n in zip(starts, lengths, strict=True)]
        )
        return rows


class Spoken:
    """What is said in the utterances of a corpus.

    A corpus that has strings of its own is taken at its word: labels of frames, where it has them
    too, then make no strings.

    Attributes:
        vocabulary: of the strings.
        own: whether they are the corpus' own, which have no times.
    """

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self.own = bool(corpus.header.vocabulary)
        self.vocabulary = Vocabulary.of(corpus.header.classes, corpus.header.vocabulary)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """(U,) True where an utterance has a string that is not empty."""
        corpus = self._corpus
        if self.own:
            return corpus.has_string
        spoken = self.vocabulary.symbols > 0
        return np.array(
            [
                bool(known) and bool(spoken[corpus.frame_labels(u)].any())
                for u, known in enumerate(corpus.labelled)
            ],
            bool,
        )

    def strings(self, items: Ints) -> Strings:
        """Of whole utterances."""
        return self.of_pieces(items, np.arange(len(items)), self._corpus.lengths[items])

    def of_pieces(self, items: Ints, utterances: Ints, lengths: Ints) -> Strings:
        """Of the pieces that utterances were cut into, see `cut`; own strings cannot be cut.

        Args:
            items: (U,) utterances of the corpus.
            utterances: (P,) which of them each piece is of.
            lengths: (P,) frames of each piece.
        """
        if self.own:
            each = [self._corpus.string(int(items[u])).astype(np.int64) for u in utterances]
            return Strings.of(each)
        found, last, start = [], -1, 0
        for utterance, length in zip(utterances.tolist(), lengths.tolist(), strict=True):
            start = start if utterance == last else 0
            labels = self._corpus.frame_labels(int(items[utterance]))[start : start + length]
            found.append(self.vocabulary.string(labels))
            last, start = utterance, start + length
        return Strings.of(found)

    def times(self, item: int) -> Ints:
        """(T,) symbols of an utterance's frames; 0: silence, and all of own strings."""
        if self.own:
            return np.zeros(self._corpus.lengths[item], np.int64)
        return np.asarray(self.vocabulary.symbols[self._corpus.frame_labels(item)])

    def frames(self, items: Ints) -> Ints:
        """(N,) symbols of the frames of utterances, end to end; 0: silence, IGNORED: unknown."""
        labels = np.concatenate([self._corpus.frame_labels(int(u)) for u in items])
        return np.where(labels < 0, IGNORED, self.vocabulary.symbols[labels])
