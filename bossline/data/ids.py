"""What may name an item. Ids stand in lists a line each, in tables, and in the paths of results."""

from __future__ import annotations

import re

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
