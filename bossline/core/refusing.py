"""Many inputs, some of which cannot be answered: those are told, and the others answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from bossline.core.errors import UserError

Refused = Callable[[str, UserError], None]
"""Told the name of an input, and what is wrong with it."""

T = TypeVar("T")
R = TypeVar("R")


@contextmanager
def refusing(refused: Refused | None, name: str) -> Iterator[None]:
    """Tell what is wrong with an input of that name, and go on; without `refused`, it is raised."""
    try:
        yield
    except UserError as error:
        if refused is None:
            raise
        refused(name, error)


def by_halves(
    inputs: Sequence[tuple[str, T]],
    answer: Callable[[Sequence[tuple[str, T]]], Sequence[R]],
    refused: Refused | None,
) -> list[R]:
    """Answer inputs together; where one of them is refused, it is found by halves.

    Args:
        inputs: with their names.
        answer: of several of them; a UserError where one cannot be answered.

    Raises:
        UserError: without `refused`, that of the first input which cannot be answered.
    """
    if not inputs:
        return []
    if len(inputs) == 1:
        with refusing(refused, inputs[0][0]):
            return list(answer(inputs))
        return []
    try:
        return list(answer(inputs))
    except UserError:
        half = len(inputs) // 2
        first = by_halves(inputs[:half], answer, refused)
        return first + by_halves(inputs[half:], answer, refused)
