"""Copies of training recordings, played faster or slower: in parts of their own, beside the split.

A copy has the voice of its recording as far as the corpus goes; what is made of it is the task's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError
from bossline.data.packed import Corpus, Ints

_PART = "speed-"


def check_speeds(speeds: Sequence[float]) -> tuple[float, ...]:
    """The speeds themselves.

    Raises:
        ValueError: one outside of 0.5..2, one twice, or 1.
    """
    different = len({part_of(speed) for speed in (1, *speeds)}) == len(speeds) + 1
    if not different or not all(0.5 <= speed <= 2 for speed in speeds):
        raise ValueError("expected different numbers from 0.5 to 2, without 1, as 0.9 and 1.1")
    return tuple(speeds)


def part_of(speed: float) -> str:
    """Where copies at a speed are.

    >>> part_of(0.9)
    'speed-0.9'
    """
    return f"{_PART}{speed:g}"


def copy_id(id: str, speed: float) -> str:
    """Of a copy of utterance `id`."""
    return f"{id}@{speed:g}"


def is_copy(part: str) -> bool:
    """Whether copies at some speed are there."""
    return part.startswith(_PART)


def copies(corpus: Corpus) -> npt.NDArray[np.bool_]:
    """(U,) True where an item is a copy."""
    of_copies = [is_copy(part) for part in corpus.header.parts]
    return np.array(of_copies, np.bool_)[corpus.parts]


def copies_of(corpus: Corpus, utterances: Ints, speed: float) -> tuple[Ints, Ints]:
    """Copies of utterances, and (C,) where in `utterances` the original of each stands.

    One that could not be made, for being too short say, is passed over.

    Raises:
        UserError: the corpus has no copies at this speed; names the speeds that it has.
    """
    if part_of(speed) not in corpus.header.parts:
        there = [part[len(_PART) :] for part in corpus.header.parts if part.startswith(_PART)]
        has = f"at {', '.join(there)} only" if there else "at no other speed"
        raise UserError(
            f"batches.speeds={speed:g}: corpus '{corpus.name}' has recordings {has}: import "
            f"them again with {' '.join(f'--speed {s}' for s in [*there, f'{speed:g}'])}"
        )
    places = {corpus.ids[u]: int(u) for u in corpus.part(part_of(speed))}
    found = [
        (places[copy], row)
        for row, copy in enumerate(copy_id(corpus.ids[u], speed) for u in utterances)
        if copy in places
    ]
    pairs = np.array(found, np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
