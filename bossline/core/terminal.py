"""The terminal, where everything is shown as it is."""

from __future__ import annotations

from rich.console import Console


def terminal(*, stderr: bool = False) -> Console:
    """A console that takes no text for more than that.

    Most of what is shown is the user's: a class [noise] is no markup, a speaker :cat: no picture.
    """
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)
