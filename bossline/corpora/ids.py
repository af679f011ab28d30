"""What may be the id of an utterance, an image or a row: asked by every reader."""

from __future__ import annotations

import re

_DRIVE = re.compile("[A-Za-z]:/")


def id_fault(id: str) -> str | None:
    """What is wrong with an id, as a phrase that follows it; None if nothing is.

    An id stands in lists, a line each, in messages and in file names below a set's folder. Blanks
    within it are fine.

    >>> id_fault("training/0_0 (1)"), id_fault("../a")
    (None, 'leads out of the folder')
    """
    if not id:
        return "is empty"
    if not id.isprintable():
        return "has unprintable characters"
    if id != id.strip():
        return "begins or ends with a blank"
    if "\\" in id:
        return "has a backslash"
    if id.startswith("/") or _DRIVE.match(id):
        return "is an absolute path"
    parts = id.split("/")
    if ".." in parts:
        return "leads out of the folder"
    if "" in parts or "." in parts:
        return "has an empty part"
    return None
