"""Letters to sounds: how a word is said that no dictionary has.

A word and its phones are one string of pairs, each a letter with none, one or two phones; an n-gram
model of pairs says which strings are likely (a joint-sequence model: Bisani and Ney 2008, Speech
Communication 50). `learning` made it of CMUdict, and is the command that makes it again.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError
from bossline.core.reading import open_file

WEIGHTS = Path(__file__).with_name("letters.npz")
LETTERS = "abcdefghijklmnopqrstuvwxyz'"
ORDER = 5
BITS = 12  # of a pair in a key: an n-gram is one integer
BEAM = 12
EDGE = 0  # the pair that stands before and behind a word

Keys = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Level:
    """The n-grams of one order: a key is its pairs, the first one highest.

    Attributes:
        keys: (N,) rising.
        logs: (N,) log P(last pair | those before).
        contexts: (M,) rising, keys of all pairs but the last.
        backoffs: (M,) what log P of a shorter context is changed by, where the n-gram is missing.
    """

    keys: Keys
    logs: npt.NDArray[np.float32]
    contexts: Keys
    backoffs: npt.NDArray[np.float32]


class LetterToSound:
    """The model, ready to be asked."""

    def __init__(self, pairs: npt.NDArray[Any], phones: list[str], levels: list[Level]) -> None:
        """
        Args:
            pairs: (P, 3) letter, and two phones counted from 1; 0 is none. Pair 0 is the edge.
            levels: of order 1, 2, ...
        """
        self._pairs, self._phones, self._levels = pairs, phones, levels
        ids = np.arange(len(pairs))
        self._of_letter = [ids[1:][pairs[1:, 0] == place] for place in range(len(LETTERS))]

    def phones(self, word: str) -> tuple[str, ...]:
        """The phones of a word, without stress; none where it has other letters than English, or
        none of them sounds. Accents are left out.

        >>> said = letter_to_sound().phones("bossline")
        >>> said[0], said == letter_to_sound().phones("bossline")
        ('B', True)
        """
        plain = unicodedata.normalize("NFKD", word)
        plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
        if not plain or any(sign not in LETTERS for sign in plain):
            return ()
        mask = (1 << BITS * (ORDER - 1)) - 1
        hypotheses: list[tuple[float, int, tuple[int, ...]]] = [(0.0, 0, ())]
        for sign in plain:
            choices = self._of_letter[LETTERS.index(sign)]
            found = []
            for score, history, said in hypotheses:
                logs = self._logs(history, choices)
                found += [
                    (score + log, (history << BITS | pair) & mask, (*said, pair))
                    for log, pair in zip(logs.tolist(), choices.tolist(), strict=True)
                ]
            hypotheses = sorted(found, key=lambda one: (-one[0], one[2]))[:BEAM]
        ends = [
            (score + float(self._logs(history, np.array([EDGE]))[0]), said)
            for score, history, said in hypotheses
        ]
        for _, said in sorted(ends, key=lambda one: (-one[0], one[1])):
            places = [int(place) for pair in said for place in self._pairs[pair, 1:] if place]
            if places:
                return tuple(self._phones[place - 1] for place in places)
        return ()

    def _logs(self, history: int, choices: Keys) -> npt.NDArray[np.float64]:
        """log P of each pair behind a history."""
        logs = np.zeros(len(choices))
        open_ = np.ones(len(choices), bool)
        for order in range(ORDER, 0, -1):
            level = self._levels[order - 1]
            context = history & ((1 << BITS * (order - 1)) - 1)
            keys = context << BITS | choices
            place = np.minimum(np.searchsorted(level.keys, keys), len(level.keys) - 1)
            known = open_ & (level.keys[place] == keys)
            logs[known] += level.logs[place[known]]
            open_ &= ~known
            if order > 1 and open_.any():
                at = min(int(np.searchsorted(level.contexts, context)), len(level.contexts) - 1)
                if level.contexts[at] == context:
                    logs[open_] += level.backoffs[at]
        logs[open_] += -20.0  # a pair that was pruned even alone
        return logs


@cache
def letter_to_sound() -> LetterToSound:
    """The model that comes with the package."""
    return load(WEIGHTS)


def load(path: Path) -> LetterToSound:
    """A model as `learning.save` wrote it.

    Raises:
        UserError: missing or damaged.
    """
    try:
        with open_file(path) as stream, np.load(stream, allow_pickle=False) as archive:
            tables = {name: archive[name] for name in archive.files}
        phones = tables["phones"].tobytes().decode().split()
        levels = [
            Level(
                tables[f"keys{order}"].cumsum(),
                tables[f"logs{order}"].astype(np.float32),
                tables[f"contexts{order}"].cumsum(),
                tables[f"backoffs{order}"].astype(np.float32),
            )
            for order in range(1, ORDER + 1)
        ]
        return LetterToSound(tables["pairs"], phones, levels)
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise UserError(f"{path}: damaged: install bossline again") from error
