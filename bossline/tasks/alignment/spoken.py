"""Texts as a run may hear them: words, with the ways in which each may be said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bossline.core.errors import UserError
from bossline.data.labels import quoted
from bossline.data.phones import SILENCES
from bossline.data.pronunciation.dictionary import Phones
from bossline.data.pronunciation.inventory import Inventory
from bossline.data.pronunciation.pronouncing import Pronouncer
from bossline.data.pronunciation.text import words_of


@dataclass(frozen=True)
class Spoken:
    """A word with the ways in which it may be said.

    Attributes:
        ways: classes of phones; none where it is not known.
    """

    word: str
    ways: tuple[tuple[int, ...], ...]


def pronounced(
    text: str, pronouncer: Pronouncer, of_phones: bool
) -> list[tuple[str, tuple[Phones, ...]]]:
    """The words of a text, and how dictionaries say them.

    Args:
        of_phones: whether it is of phones already, words apart by "|".

    Raises:
        UserError: no word in it.
    """
    found: list[tuple[str, tuple[Phones, ...]]]
    if of_phones:
        said = [[one for one in part.split() if one not in SILENCES] for part in text.split("|")]
        found = [(" ".join(way), (tuple(way),)) for way in said if way]
    else:
        found = [(word, pronouncer.ways(word)) for word in words_of(text)]
    if not found:
        what = "phone" if of_phones else "word"
        raise UserError(f"no {what} in the text {quoted(text.strip())}")
    return found


def spoken(words: Sequence[tuple[str, tuple[Phones, ...]]], inventory: Inventory) -> list[Spoken]:
    """Words by the classes of a model.

    Raises:
        UserError: a phone that is none of these.
    """
    return [
        Spoken(word, tuple(dict.fromkeys(_places(word, way, inventory) for way in ways)))
        for word, ways in words
    ]


def _places(word: str, way: Sequence[str], inventory: Inventory) -> tuple[int, ...]:
    places = []
    for phone in way:
        if (place := inventory.place(phone)) is None:
            known = " ".join(inventory.spoken)
            raise UserError(f"{quoted(word)}: phone {quoted(phone)} is none of the run's: {known}")
        places.append(place)
    return tuple(places)
