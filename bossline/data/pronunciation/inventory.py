"""Phones of a dictionary among the classes of a model, which may call them otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from bossline.data.phone_maps import PHONE_MAPS
from bossline.data.phones import SILENCES

_TO_39 = PHONE_MAPS["timit39"].table


class Inventory:
    """The classes of a model, by what dictionaries call them."""

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self._places = {name: number for number, name in enumerate(classes)}
        self._known: dict[str, int | None] = {}

    def place(self, phone: str) -> int | None:
        """The class of a phone; None: there is none.

        That is the class of its name, with stress or without, in capital or small letters, or what
        TIMIT's 39 classes fold it into.

        >>> timit = Inventory(["sil", "ah", "aa", "sh", "hh"])
        >>> [timit.place(phone) for phone in ("AH0", "AO1", "ZH", "HH", "RR")]
        [1, 2, 3, 4, None]
        """
        if phone not in self._known:
            self._known[phone] = next(
                (self._places[name] for name in _names(phone) if name in self._places), None
            )
        return self._known[phone]

    @property
    def spoken(self) -> list[str]:
        """The classes that are no silence."""
        return [name for name in self.classes if name not in SILENCES]


def _names(phone: str) -> list[str]:
    plain = phone.rstrip("012") if phone[:1].isalpha() else phone
    names = [phone, plain, plain.upper(), plain.lower()]
    return [*names, _TO_39.get(plain.lower(), plain)] if plain.isascii() else names
