"""How many of a thing, in words."""

from __future__ import annotations

from bossline.core.language import catalogue, spoken


def counted(count: int, thing: str) -> str:
    """A count with its noun, in the language that is spoken.

    Args:
        thing: one of them, in English.

    >>> counted(1, "trial"), counted(0, "trial"), counted(1200, "class")
    ('1 trial', '0 trials', '1,200 classes')
    """
    if (known := catalogue(spoken()).counts.get(thing)) is not None:
        return known.format(count=count)
    if count == 1:
        return f"1 {thing}"
    return f"{count:,} {thing}{'es' if thing.endswith(('s', 'x', 'ch', 'sh')) else 's'}"
