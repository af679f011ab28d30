"""One question asked on several days: its columns are NAME, NAME.1, NAME.2, ... in order of days.

So pandas names columns of the same name, and so the course's tables come. From day to day answers
hardly differ, and what tells of tomorrow is by how much.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

CHANGES = (
    "of questions asked on several days (columns NAME, NAME.1, ...), the answer of the last day "
    "and the changes from day to day in place of the answers"
)


def next_days(names: Sequence[str]) -> Tensor:
    """(D,) int64: where the same question stands a day later; its own place on the last day.

    >>> next_days(("AL", "cli", "ili", "cli.1", "ili.1", "cli.2")).tolist()
    [0, 3, 4, 5, 4, 5]
    """
    places = {name: place for place, name in enumerate(names)}
    return torch.tensor([places.get(_a_day_later(n), place) for place, n in enumerate(names)])


def changed(x: Tensor, following: Tensor) -> Tensor:
    """In place of each column its change to the next day; columns of the last day stay.

    Nothing is lost: a linear model has the same least squares.

    Args:
        x: (B, D).
        following: (D,), see `next_days`.
    """
    last = following == torch.arange(len(following), device=x.device)
    return torch.where(last, x, x[:, following] - x)


def _a_day_later(name: str) -> str:
    stem, dot, day = name.rpartition(".")
    return f"{stem}.{int(day) + 1}" if dot and day.isdecimal() else f"{name}.1"
