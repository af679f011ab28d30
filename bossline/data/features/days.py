"""Names of columns of one question asked on several days: NAME, NAME.1, NAME.2, ...

So pandas names columns of the same name, and so the course's tables come.
"""

from __future__ import annotations

import re

_SUFFIX = re.compile(r"\.[1-9][0-9]*$")


def stem_of(name: str) -> str:
    """The question.

    >>> stem_of("cli.2"), stem_of("cli")
    ('cli', 'cli')
    """
    return _SUFFIX.sub("", name)


def day_of(name: str) -> int:
    """0 without a suffix.

    >>> day_of("cli.2"), day_of("cli")
    (2, 0)
    """
    suffix = _SUFFIX.search(name)
    return int(suffix[0][1:]) if suffix else 0


def on_day(stem: str, day: int) -> str:
    """The column of a question on a day.

    >>> on_day("cli", 2), on_day("cli", 0)
    ('cli.2', 'cli')
    """
    return f"{stem}.{day}" if day else stem
