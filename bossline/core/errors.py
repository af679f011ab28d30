"""The one error that a user causes: a single line that says what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class UserError(Exception):
    """Bad input. The command line prints the message and exits with code 2; never a traceback."""

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str) -> None:
        """
        Args:
            message: may name files, whose names may be anything.
        """
        super().__init__("\n".join(map(visible, message.split("\n"))))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A tail for an error message: the nearest known name, else all of them.

    >>> did_you_mean("phoneme/strnog", ["phoneme/simple", "phoneme/strong"])
    "did you mean 'phoneme/strong'?"
    >>> did_you_mean("x", ["b", "a"])
    'known: a, b'
    """
    names = sorted(set(known))
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known: {', '.join(names)}" if names else "none is known yet"


def visible(text: str) -> str:
    """A text as a terminal can show it, which nothing in it steers.

    >>> visible("a\\x1b[31m.wav")
    'a\\\\x1b[31m.wav'
    """
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def printable(text: str, longest: int = 500) -> str:
    """A text as messages show it: of a bounded length, and nothing in it that steers a terminal.

    >>> printable("no kind '\\x1b[31m'")
    "no kind '\\\\x1b[31m'"
    """
    return visible(text if len(text) <= longest else f"{text[:longest]}...")
