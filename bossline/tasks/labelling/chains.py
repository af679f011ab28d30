"""What an utterance goes through: its phones, three states each, with pauses that may be there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bossline.core.errors import UserError
from bossline.tasks.smoothing.arrays import Ints

STATES = 3
"""Of a phone: its begin, middle and end. A phone takes at least as many frames."""


@dataclass(frozen=True, eq=False)
class Chain:
    """Units in the order in which they are said.

    Attributes:
        units: (N,) at least one.
        said: (N,) how likely each is there at all; 1: always. Of two neighbours at most one may be
            left out, and one unit at least is always there.
    """

    units: Ints
    said: npt.NDArray[np.float64]

    @classmethod
    def of(cls, units: Sequence[int]) -> Chain:
        """All of them are said."""
        return cls(np.array(units, np.int64), np.ones(len(units)))

    @classmethod
    def with_pauses(cls, words: Sequence[Sequence[int]], pause: int, likely: float) -> Chain:
        """With a pause that may stand before, between and behind words.

        Args:
            words: units of each, at least one.
            pause: the unit of silence.
            likely: that a pause between two words is there; at the edges it is one to one.
        """
        units, said = [pause], [0.5]
        for word in words:
            units += [*word, pause]
            said += [*(1.0 for _ in word), likely]
        said[-1] = 0.5
        return cls(np.array(units, np.int64), np.array(said))

    def __post_init__(self) -> None:
        optional = self.said < 1
        if (optional[1:] & optional[:-1]).any() or optional.all():
            raise ValueError("two neighbours may be left out, or all units")

    @property
    def shortest(self) -> int:
        """Frames that it takes at least."""
        return STATES * int((self.said == 1).sum())


@dataclass(frozen=True, eq=False)
class ChainBatch:
    """B chains as states side by side, padded to S.

    Attributes:
        states: (B, S) which state of the model stands there; of padding 0.
        units: (B, S) which of the chain's units it belongs to; of padding -1.
        step: (B, S) probability, once a state is left, of the next one.
        leap: (B, S) of the one behind a unit that is left out, STATES + 1 further.
        enter: (B, S) of a state to be the first.
        leave: (B, S) of a state to be the last, once it is left.
    """

    states: Tensor
    units: npt.NDArray[np.int64]
    step: Tensor
    leap: Tensor
    enter: Tensor
    leave: Tensor

    @classmethod
    def of(cls, chains: Sequence[Chain]) -> ChainBatch:
        shape = len(chains), STATES * max(len(chain.units) for chain in chains)
        states, units = np.zeros(shape, np.int64), np.full(shape, -1)
        step, leap, enter, leave = (np.zeros(shape) for _ in range(4))
        for row, chain in enumerate(chains):
            count = STATES * len(chain.units)
            states[row, :count] = (chain.units[:, None] * STATES + np.arange(STATES)).ravel()
            units[row, :count] = np.repeat(np.arange(len(chain.units)), STATES)
            step[row, : count - 1] = 1.0
            lasts = np.arange(STATES - 1, count - STATES, STATES)  # of units with one behind
            step[row, lasts] = chain.said[1:]
            further = lasts[: len(lasts) - 1]
            leap[row, further] = 1 - chain.said[1:-1]
            leave[row, count - 1] = 1.0
            enter[row, 0] = chain.said[0]
            if chain.said[0] < 1:
                enter[row, STATES] = 1 - chain.said[0]
            if chain.said[-1] < 1:
                leave[row, count - STATES - 1] = 1 - chain.said[-1]
        rest = (torch.from_numpy(one) for one in (step, leap, enter, leave))
        return cls(torch.from_numpy(states), units, *rest)


def check_room(chain: Chain, frames: int) -> None:
    """
    Raises:
        UserError: the chain takes more frames than there are.
    """
    if chain.shortest > frames:
        raise UserError(
            f"{len(chain.units):,} phones and pauses take {chain.shortest:,} frames at least, and "
            f"it has {frames:,}: is it the text of another recording?"
        )
