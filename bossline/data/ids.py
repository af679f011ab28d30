"""What may name an item. Ids stand in lists a line each, in tables, and in the paths of results."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

_STEPS = re.compile(r"[/\\]")


def id_fault(id: str) -> str | None:
    """What is wrong with an id; None: nothing.

    Blanks within it are well: it may be the path of a file, below the folder of the source.

    >>> id_fault("Ann Lee/Recording 1"), id_fault("../../x")
    (None, "leads out of its folder by '..'")
    """
    if not id:
        return "an empty id"
    if not id.isprintable():
        return "unprintable characters in the id"
    if id != id.strip():
        return "white space at an end of the id"
    if id[0] in "/\\":
        return "an absolute path as id"
    if ".." in id and ".." in _STEPS.split(id):
        return "leads out of its folder by '..'"
    return None


class IdIndex:
    """Finds items by their ids, or by the last part of these: `103-1240-0000` is
    `103/1240/103-1240-0000`."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._places = {id: place for place, id in enumerate(ids)}
        self._by_name = defaultdict[str, list[int]](list)
        for id, place in self._places.items():
            self._by_name[last_part(id)].append(place)

    def find(self, id: str) -> list[int]:
        """Places of the items that it may be: one, none, or several where it is ambiguous."""
        if id in self._places:
            return [self._places[id]]
        return self._by_name.get(last_part(id), [])


def last_part(id: str) -> str:
    """Behind the last slash."""
    return id.rpartition("/")[2]
