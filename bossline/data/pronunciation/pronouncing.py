"""From words to the ways in which they may be said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

from bossline.data.pronunciation.dictionary import (
    Phones,
    Pronunciations,
    cmudict,
    read_dictionary,
)
from bossline.data.pronunciation.letters import letter_to_sound
from bossline.data.pronunciation.text import is_marked

_MOST_WAYS = 6  # of a word that is put together of others


class Pronouncer:
    """Looks words up, in one dictionary after the other, and guesses what none of them has.

    Attributes:
        guessed: words whose letters had to tell.
        unknown: words that nobody knows how to say.
    """

    def __init__(self, dictionaries: Sequence[Callable[[], Pronunciations]]) -> None:
        """
        Args:
            dictionaries: asked for when they are needed, in this order.
        """
        self._dictionaries = dictionaries
        self.guessed: set[str] = set()
        self.unknown: set[str] = set()

    @classmethod
    def of(cls, dictionary: str | Path | None) -> Pronouncer:
        """With CMUdict, and before it a dictionary of one's own.

        Raises:
            UserError: a file that is no dictionary.
        """
        if dictionary is None:
            return cls([cmudict])
        own = read_dictionary(Path(dictionary))
        return cls([lambda: own, cmudict])

    def ways(self, word: str) -> tuple[Phones, ...]:
        """The ways in which a word is said; none where nobody knows.

        A word that no dictionary has is looked up with a point behind it and without points, then
        in its parts between hyphens and points; a part that is not there is said as its letters
        tell.
        """
        found = self._listed(word) or self._together(word)
        if not found:
            self.unknown.add(word)
        return found

    def _listed(self, word: str) -> tuple[Phones, ...]:
        if is_marked(word):
            return ()
        for dictionary in self._dictionaries:
            for spelt in dict.fromkeys((word, f"{word}.", word.replace(".", ""))):
                if found := dictionary().get(spelt):
                    return found
        return ()

    def _together(self, word: str) -> tuple[Phones, ...]:
        if is_marked(word):
            return ()
        parts = [part for part in word.replace(".", "-").split("-") if part.strip("'")]
        each = []
        for part in parts:
            ways = self._listed(part)
            if not ways and (way := letter_to_sound().phones(part)):
                self.guessed.add(word)
                ways = (way,)
            if not ways:
                return ()
            each.append(ways)
        joined = (tuple(phone for part in way for phone in part) for way in product(*each))
        return tuple(way for _, way in zip(range(_MOST_WAYS), joined, strict=False) if way)
