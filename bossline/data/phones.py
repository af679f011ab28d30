"""The phone sets of the phoneme task, and the phonetic classes that order its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

# Class 0, 1, ... of the LibriPhone labels: ARPAbet, silence (SIL) and spoken noise (SPN).
LIBRIPHONE = tuple(
    "SIL SPN S UW T N K Y Z AO AY SH W NG EY B CH OY JH D ZH G UH F V ER AA IH M DH L AH P OW AW "
    "HH AE R TH IY EH".split()
)

# The synthetic corpus says no noise: 39 phones and silence.
ARPABET = tuple(phone for phone in LIBRIPHONE if phone != "SPN")

SILENCES = frozenset(
    ("SIL", "SPN", "sil", "sp", "spn", "", "<sil>", "[SIL]", "h#", "pau", "epi", "#h", "silence")
)
"""How corpora call what is no phone: a string of phones leaves it out."""

PHONETIC_CLASSES: dict[str, tuple[str, ...]] = {
    "vowels": tuple("IY IH EH AE AA AH AO UH UW ER".split()),
    "diphthongs": tuple("EY AY OY AW OW".split()),
    "approximants": tuple("Y W R L".split()),
    "nasals": tuple("M N NG".split()),
    "stops": tuple("P B T D K G".split()),
    "affricates": ("CH", "JH"),
    "fricatives": tuple("F V TH DH S Z SH ZH HH".split()),
    "silence": ("SIL", "SPN"),
}


LETTERS = dict(
    zip(
        "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW "
        "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH".split(),
        "a@AcWYEReIioOUu" + "bCdDfghjklmnGprsStTvwyzZ",
        strict=True,
    )
)
"""ARPAbet with a letter a phone, as CMU 11-785 writes strings: no blanks between them."""


def phonetic_order(classes: tuple[str, ...]) -> list[int]:
    """Class indices ordered by phonetic class; names that are no phones keep their order, last.

    >>> phonetic_order(("SIL", "B", "IY", "other"))
    [2, 1, 0, 3]
    """
    rank = {
        phone: place
        for place, phone in enumerate(p for group in PHONETIC_CLASSES.values() for p in group)
    }
    return sorted(range(len(classes)), key=lambda k: (rank.get(classes[k], len(rank)), k))


@dataclass(frozen=True)
class Vocabulary:
    """What a string may hold: the corpus' own vocabulary, else the classes that are no silence.

    Attributes:
        names: (V,) of symbol 1, 2, ...
        symbols: (C,) the symbol of each class of frames; 0: silence, -1: not in the vocabulary.
    """

    names: tuple[str, ...]
    symbols: Ints

    @classmethod
    def of(cls, classes: Sequence[str], own: Sequence[str] = ()) -> Vocabulary:
        names = tuple(own) or tuple(name for name in classes if name not in SILENCES)
        known = {name: symbol for symbol, name in enumerate(names, start=1)}
        symbols = [0 if name in SILENCES else known.get(name, -1) for name in classes]
        return cls(names, np.array(symbols, np.int64))

    def string(self, labels: npt.NDArray[np.integer]) -> Ints:
        """Labels of frames (T,) with repeats merged and silence left out."""
        kept = labels[np.append(True, np.diff(labels) != 0)] if len(labels) else labels
        symbols = self.symbols[kept]
        return np.asarray(symbols[symbols > 0])
