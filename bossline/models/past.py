"""What attention keeps of symbols that were read, so that a step costs one symbol."""

from __future__ import annotations

import torch
from torch import Tensor

_FIRST_ROOM = 32  # symbols


class Past:
    """Keys and values of the symbols of N strings so far, in one layer.

    Room for more is taken in advance, and strings change places between two such rooms: fresh
    memory at every symbol would cost more time than the attention.
    """

    def __init__(self) -> None:
        self._steps = 0
        self._room: Tensor | None = None  # (N, steps at most, 2 * heads, width / heads)
        self._other: Tensor | None = None

    @torch.no_grad()
    def with_next(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """(N, heads, n + 1, width / heads) each, of all symbols.

        Args:
            keys, values: (N, heads, 1, width / heads) of the next one.
        """
        now = torch.cat((keys, values), 1).transpose(1, 2)
        if self._room is None or self._steps == self._room.shape[1]:
            size, _, *shape = now.shape
            grown = now.new_empty(size, max(2 * self._steps, _FIRST_ROOM), *shape)
            if self._room is not None:
                grown[:, : self._steps] = self._room
            self._room, self._other = grown, torch.empty_like(grown)
        self._room[:, self._steps : self._steps + 1] = now
        self._steps += 1
        keys, values = self._room[:, : self._steps].transpose(1, 2).chunk(2, 1)
        return keys, values

    @torch.no_grad()
    def reorder(self, rows: Tensor) -> None:
        """Each string goes on from a parent, (N,) int64."""
        if self._room is None or self._other is None:
            return
        torch.index_select(self._room[:, : self._steps], 0, rows, out=self._other[:, : self._steps])
        self._room, self._other = self._other, self._room

    def keep(self, rows: Tensor) -> None:
        """Only these strings, (N',) int64, go on."""
        if self._room is not None:
            self._room = self._room.index_select(0, rows)
            self._other = torch.empty_like(self._room)
