"""What is noticed about a file that can be used all the same: said, or gathered from many files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_gathered: ContextVar[list[str] | None] = ContextVar("gathered", default=None)


def notice(name: str, what: str) -> None:
    """Tell it as a warning, or whoever gathers.

    Args:
        name: of the file.
        what: a phrase without the name.
    """
    found = _gathered.get()
    if found is None:
        warnings.warn(f"{name}: {what}", stacklevel=2)
    elif what not in found:
        found.append(what)


@contextmanager
def gathering() -> Iterator[list[str]]:
    """What is noticed in the block, by this thread; nothing is said."""
    found: list[str] = []
    former = _gathered.set(found)
    try:
        yield found
    finally:
        _gathered.reset(former)
