"""From words to the ways in which they may be said."""

from __future__ import annotations

from collections.abc import Sequence

from bossline.data.pronunciation.dictionary import Phones, Pronunciations
from bossline.data.pronunciation.text import is_marked


class Pronouncer:
    """Looks words up, in one dictionary after the other."""

    def __init__(self, dictionaries: Sequence[Pronunciations]) -> None:
        self._dictionaries = dictionaries

    def ways(self, word: str) -> tuple[Phones, ...]:
        """The ways in which a word is said; none where nobody knows.

        A word that no dictionary has is looked up without its points, and in the parts that
        hyphens and apostrophes divide.
        """
        if is_marked(word):
            return ()
        for dictionary in self._dictionaries:
            if found := dictionary.get(word):
                return found
        return ()
