"""Classes by phonetic class: the order and the colours of every picture that names phones."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from bossline.data.phones import PHONETIC_CLASSES, phonetic_order

OTHER, OTHER_COLOUR = "other", "#7f8894"
_COLOURS = dict(
    zip(
        PHONETIC_CLASSES,
        "#0072b2 #3f95d6 #009e73 #8c6bd8 #d55e00 #b48600 #cc79a7 #8a929c".split(),
        strict=True,
    )
)
_GROUP_OF = {phone: group for group, phones in PHONETIC_CLASSES.items() for phone in phones}


@dataclass(frozen=True)
class Group:
    """Neighbours in the pictures: class indices under one name and colour."""

    name: str
    colour: str
    members: tuple[int, ...]


def group_name(name: str) -> str:
    """The phonetic class of a phone; 'other' for what is no phone.

    >>> group_name("IY"), group_name("cat")
    ('vowels', 'other')
    """
    return _GROUP_OF.get(name, OTHER)


def grouped(classes: tuple[str, ...]) -> list[Group]:
    """All classes in phonetic order, cut into their groups.

    >>> [(g.name, g.members) for g in grouped(("SIL", "B", "IY", "P"))]
    [('vowels', (2,)), ('stops', (3, 1)), ('silence', (0,))]
    """
    return [
        Group(name, _COLOURS.get(name, OTHER_COLOUR), tuple(members))
        for name, members in groupby(phonetic_order(classes), lambda k: group_name(classes[k]))
    ]
