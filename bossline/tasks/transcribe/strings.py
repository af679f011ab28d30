"""Strings of phones: of an utterance's frame labels, as arrays, and as names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bossline.data.packed import Corpus, Ints
from bossline.data.phones import SILENCES

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

    def padded(self, items: Ints) -> Ints:
        """(B, L) some of the strings, zeros beyond their ends; L is at least 1."""
        lengths = self.lengths[items]
        rows = np.zeros((len(items), max(1, int(lengths.max()))), np.int64)
        starts = np.cumsum(self.lengths)[items] - lengths
        inside = np.arange(rows.shape[1]) < lengths[:, None]
        rows[inside] = np.concatenate(
            [self.symbols[a : a + n] for a, n in zip(starts, lengths, strict=True)]
        )
        return rows


@dataclass(frozen=True)
class Vocabulary:
    """What a string may hold: the classes of frames that are no silence.

    Attributes:
        names: (V,) of symbol 1, 2, ...
        symbols: (C,) the symbol of each class; 0: silence.
    """

    names: tuple[str, ...]
    symbols: Ints

    @classmethod
    def of(cls, classes: Sequence[str]) -> Vocabulary:
        names = tuple(name for name in classes if name not in SILENCES)
        symbols = [names.index(name) + 1 if name in names else 0 for name in classes]
        return cls(names, np.array(symbols, np.int64))

    def string(self, labels: npt.NDArray[np.integer]) -> Ints:
        """Labels of frames (T,) with repeats merged and silence left out."""
        kept = labels[np.append(True, np.diff(labels) != 0)] if len(labels) else labels
        symbols = self.symbols[kept]
        return np.asarray(symbols[symbols > 0])


def has_labels(corpus: Corpus) -> npt.NDArray[np.bool_]:
    """(U,) True where an utterance has labels of frames, and they are not all silence."""
    spoken = Vocabulary.of(corpus.header.classes).symbols > 0
    return np.array(
        [
            bool(known) and bool(spoken[corpus.frame_labels(u)].any())
            for u, known in enumerate(corpus.labelled)
        ],
        bool,
    )
