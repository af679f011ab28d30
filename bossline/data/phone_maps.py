"""Phone sets folded into smaller ones.

TIMIT is transcribed in 61 phones, trained on in 48 and scored in 39: K.-F. Lee and H.-W. Hon,
"Speaker-independent phone recognition using hidden Markov models", IEEE Transactions on Acoustics,
Speech and Signal Processing 37(11), 1989, Table I and Section II. What is already folded to 48
counts as well, since every one of the 48 that is among the 61 stays what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError, did_you_mean
from bossline.data.labels import quoted
from bossline.data.phones import SILENCES
from bossline.data.readers.base import few, read_lines

KEEP = "keep"

TIMIT_61 = tuple(
    "b d g p t k dx q jh ch s sh z zh f th v dh m n ng em en eng nx l r w y hh hv el iy ih eh ey "
    "ae aa aw ay ah ao oy ow uh uw ux er ax ix axr ax-h bcl dcl gcl pcl tcl kcl pau epi h#".split()
)
_ARPABET_VOWELS = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split()


def _each(pairs: str) -> dict[str, str]:
    return dict(zip(pairs.split()[::2], pairs.split()[1::2], strict=True))


_61_TO_48 = {
    **{phone: phone for phone in TIMIT_61},
    **_each("ux uw axr er ax-h ax em m nx n eng ng hv hh pau sil h# sil"),
    **_each("pcl cl tcl cl kcl cl bcl vcl dcl vcl gcl vcl"),
    "q": "",
}
_TO_48 = {**_61_TO_48, **{phone: phone for phone in _61_TO_48.values() if phone}}
_48_TO_39 = _each("ix ih ax ah ao aa el l en n zh sh cl sil vcl sil epi sil")


@dataclass(frozen=True)
class PhoneMap:
    """What becomes of each phone.

    Attributes:
        words: the mapping, for the note of a corpus.
        table: by phone; "" leaves it out.
        closed: whether a phone that the table lacks is an error; else it stays as it is.
    """

    words: str
    table: dict[str, str]
    closed: bool = False

    def __call__(self, phone: str) -> str:
        """
        >>> phone_map("timit39")("bcl")
        'sil'
        """
        return self.table.get(phone, phone)

    def unknown(self, phones: Iterable[str]) -> list[str]:
        """Those that it says nothing of and should, once each."""
        return [phone for phone in dict.fromkeys(phones) if self.closed and phone not in self.table]

    def classes(self, names: Sequence[str]) -> tuple[tuple[str, ...], npt.NDArray[np.int16]]:
        """Classes of frames, those of one name merged; a frame cannot be left out, so that one of a
        phone that is becomes silence.

        Returns:
            Names of the new classes, and (C,) which of them each old one becomes.

        Raises:
            UserError: a class that the mapping does not know, or no class for silence.
        """
        if unknown := self.unknown(names):
            raise UserError(f"--phones: {self.words}: what are the classes {few(unknown)}?")
        folded = [self(name) for name in names]
        kept = tuple(dict.fromkeys(name for name in folded if name))
        silence = next((name for name in kept if name in SILENCES), None)
        if "" in folded and silence is None:
            raise UserError(
                f"--phones: {quoted(names[folded.index('')])} is left out, but its frames must be "
                "something, and no class is silence: map it to another phone"
            )
        return kept, np.array([kept.index(name or str(silence)) for name in folded], np.int16)


PHONE_MAPS = {
    "timit48": PhoneMap("TIMIT 61 folded to 48 (Lee and Hon 1989)", _TO_48, closed=True),
    "timit39": PhoneMap(
        "TIMIT 61 folded to 39 (Lee and Hon 1989)",
        {phone: _48_TO_39.get(kept, kept) for phone, kept in _TO_48.items()},
        closed=True,
    ),
    "stress-off": PhoneMap(
        "ARPAbet without stress",
        {f"{vowel}{stress}": vowel for vowel in _ARPABET_VOWELS for stress in range(3)},
    ),
}


def phone_map(name: str) -> PhoneMap | None:
    """A mapping by its name, or from a .tsv file; None: "keep".

    Raises:
        UserError: no such mapping, or a file that is none.
    """
    if name.lower().endswith(".tsv"):
        return _read(Path(name).expanduser())
    if name in PHONE_MAPS or name == KEEP:
        return PHONE_MAPS.get(name)
    known = did_you_mean(name, [KEEP, *PHONE_MAPS])
    raise UserError(f"--phones {quoted(name)}: {known} (or a file FROM<TAB>TO, called .tsv)")


def _read(file: Path) -> PhoneMap:
    """`from<TAB>to` lines; a phone alone on its line is left out, what has no line stays."""
    table: dict[str, str] = {}
    faults = []
    for number, line in enumerate(read_lines(file), start=1):
        phone, _, to = (part.strip() for part in line.partition("\t"))
        if " " in phone + to or not (phone + to).isprintable():
            faults.append(f"line {number}: expected 'from<TAB>to', found {quoted(line)}")
        elif phone in table:
            faults.append(f"line {number}: {quoted(phone)} a second time")
        elif phone:
            table[phone] = to
    if faults:
        raise UserError("\n  ".join([f"{file} is no mapping of phones:", *faults]))
    if not table:
        raise UserError(f"{file}: no line 'from<TAB>to'")
    return PhoneMap(f"folded by {file.name}", table)
