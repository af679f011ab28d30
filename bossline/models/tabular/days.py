"""One question asked on several days (features/days.py): its changes in place of its answers.

From day to day answers hardly differ, and what tells of tomorrow is by how much.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bossline.features.days import day_of, on_day, stem_of

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
    later = [on_day(stem_of(name), day_of(name) + 1) for name in names]
    return torch.tensor([places.get(name, place) for place, name in enumerate(later)])


def changed(x: Tensor, following: Tensor) -> Tensor:
    """In place of each column its change to the next day; columns of the last day stay.

    Nothing is lost: a linear model has the same least squares.

    Args:
        x: (B, D).
        following: (D,), see `next_days`.
    """
    return torch.where(goes_on(following), x[:, following] - x, x)


def goes_on(following: Tensor) -> Tensor:
    """(D,) True where the same question stands a day later."""
    return following != torch.arange(len(following), device=following.device)
