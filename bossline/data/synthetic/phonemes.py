"""From eSpeak's mnemonics of American English to the 39 ARPAbet phones and silence."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bossline.data.phones import ARPABET
from bossline.data.synthetic.espeak import SAMPLE_RATE, Speech

SILENCE = "SIL"

_STRESS = "',%="

# A mnemonic that stands for several phones is cut into equal pieces.
_PHONES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("_", "_:", "_!"), (SILENCE,)),
    # Full and reduced vowels.
    "i:": ("IY",),
    "i": ("IY",),
    ";": ("IY",),  # the glide between "i" and another vowel, as in "the apple"
    "I": ("IH",),
    "I2": ("IH",),
    "I#": ("IH",),
    "E": ("EH",),
    "a": ("AE",),
    "aa": ("AE",),
    "A:": ("AA",),
    "0": ("AA",),
    "O:": ("AO",),
    "O2": ("AO",),
    "U": ("UH",),
    "u:": ("UW",),
    "V": ("AH",),
    "@": ("AH",),
    "@2": ("AH",),
    "@-": ("AH",),
    "a#": ("AH",),
    "3:": ("ER",),
    "3": ("ER",),
    # Diphthongs, and vowels that carry a consonant or a second vowel.
    "eI": ("EY",),
    "aI": ("AY",),
    "OI": ("OY",),
    "aU": ("AW",),
    "oU": ("OW",),
    "@L": ("AH", "L"),
    "A@": ("AA", "R"),
    "e@": ("EH", "R"),
    "o@": ("AO", "R"),
    "O@": ("AO", "R"),
    "U@": ("UH", "R"),
    "i@3": ("IH", "R"),
    "i@": ("IY", "AH"),
    "aI@": ("AY", "AH"),
    "aI3": ("AY", "ER"),
    # Consonants.
    "j": ("Y",),
    "w": ("W",),
    "r": ("R",),
    "r-": ("R",),
    "l": ("L",),
    "m": ("M",),
    "n": ("N",),
    "N": ("NG",),
    "p": ("P",),
    "b": ("B",),
    "t": ("T",),
    "t2": ("T",),
    "t#": ("D",),  # the flap of "city" is voiced: labelled as it sounds
    "d": ("D",),
    "k": ("K",),
    "g": ("G",),
    "tS": ("CH",),
    "dZ": ("JH",),
    "f": ("F",),
    "v": ("V",),
    "T": ("TH",),
    "D": ("DH",),
    "s": ("S",),
    "z": ("Z",),
    "S": ("SH",),
    "Z": ("ZH",),
    "h": ("HH",),
}

_CLASS = {phone: number for number, phone in enumerate(ARPABET)}
_VOWELS = frozenset("IY IH EH AE AA AO UH UW AH ER EY AY OY AW OW".split())

_BLOCK = round(0.005 * SAMPLE_RATE)
_LONGEST_CLOSURE = 16  # blocks
_CLOSED = 0.08  # of the level of the whole utterance


def phones(mnemonic: str) -> tuple[str, ...]:
    """The phones of one mnemonic.

    Raises:
        KeyError: a mnemonic that our sentences have not met before.

    >>> phones("'A@")
    ('AA', 'R')
    """
    return _PHONES[mnemonic.lstrip(_STRESS)]


def segments(speech: Speech) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int16]]:
    """Where each phone begins.

    eSpeak counts the closure before a plosive, and the gap before a fricative, to the phoneme
    before it. Phoneticians, and forced alignments, count it to the consonant itself.

    Returns:
        (segments,) first samples, never falling; (segments,) classes in ARPABET. The first, at 0,
        and the last, at the end, are silence.
    """
    level = _CLOSED * float(np.sqrt(np.mean(speech.audio.astype(np.float64) ** 2)))
    starts, labels = [0], [_CLASS[SILENCE]]
    ends = [start for start, _ in speech.phonemes[1:]] + [len(speech.audio)]
    for (start, mnemonic), end in zip(speech.phonemes, ends, strict=True):
        names = phones(mnemonic)
        first = start
        if names[0] not in _VOWELS and SILENCE not in (names[0], ARPABET[labels[-1]]):
            first = max(_closure(speech.audio, start, level), starts[-1])
        pieces = np.linspace(start, end, len(names), endpoint=False).astype(int).tolist()
        starts += [first, *pieces[1:]]
        labels += [_CLASS[name] for name in names]
    starts.append(len(speech.audio))
    labels.append(_CLASS[SILENCE])
    return np.array(starts, np.int64), np.array(labels, np.int16)


def _closure(audio: npt.NDArray[Any], start: int, level: float) -> int:
    """First sample of the quiet stretch that ends at `start`."""
    for _ in range(_LONGEST_CLOSURE):
        block = audio[max(start - _BLOCK, 0) : start].astype(np.float64)
        if not len(block) or np.sqrt(np.mean(block**2)) > level:
            break
        start -= len(block)
    return start
