"""What a search finds: a few strings of each utterance, the best first."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Hypotheses:
    """The n-best lists of a batch.

    Attributes:
        symbols: (B, N, L) int64, symbols 1..V, zeros beyond each string's end.
        lengths: (B, N) int64, may be 0.
        scores: (B, N) float32 logarithms, falling; -inf where an utterance has fewer strings.
        ended: (B, N) bool, whether a string ended by itself, not because it got too long.
    """

    symbols: Tensor
    lengths: Tensor
    scores: Tensor
    ended: Tensor

    def best(self) -> list[list[int]]:
        """The symbols of each utterance's best string; waits for the device."""
        rows, lengths = self.symbols[:, 0].tolist(), self.lengths[:, 0].tolist()
        return [row[:length] for row, length in zip(rows, lengths, strict=True)]

    def each(self) -> list[list[list[int]]]:
        """The symbols of all strings of each utterance, those of -inf left out; waits."""
        found = self.scores > -torch.inf
        return [
            [row[:length] for row, length, is_one in zip(*lists, strict=True) if is_one]
            for lists in zip(
                self.symbols.tolist(), self.lengths.tolist(), found.tolist(), strict=True
            )
        ]

    def of(self, utterances: Tensor) -> Hypotheses:
        """Those of some utterances, (B',) places."""
        return Hypotheses(
            self.symbols[utterances],
            self.lengths[utterances],
            self.scores[utterances],
            self.ended[utterances],
        )

    def joined(self, other: Hypotheses) -> Hypotheses:
        """The best of both, as many as here; of equal scores those here first.

        Strings of -inf are shown as empty, and as not ended.
        """
        count = self.scores.shape[1]
        scores, order = torch.cat([self.scores, other.scores], 1).sort(
            dim=1, descending=True, stable=True
        )
        scores, order = scores[:, :count], order[:, :count]
        found = scores > -torch.inf
        places = order.unsqueeze(2).expand(-1, -1, self.symbols.shape[2])
        return Hypotheses(
            torch.cat([self.symbols, other.symbols], 1).gather(1, places) * found.unsqueeze(2),
            torch.cat([self.lengths, other.lengths], 1).gather(1, order) * found,
            scores,
            torch.cat([self.ended, other.ended], 1).gather(1, order) & found,
        )

    def replaced(self, utterances: Tensor, others: Hypotheses) -> Hypotheses:
        """With other strings in place of those of some utterances, (B',) places."""
        pairs = (
            (self.symbols, others.symbols),
            (self.lengths, others.lengths),
            (self.scores, others.scores),
            (self.ended, others.ended),
        )
        return Hypotheses(*(one.index_copy(0, utterances, other) for one, other in pairs))


def written(parents: Tensor, symbols: Tensor, nodes: Tensor, lengths: Tensor) -> Tensor:
    """Strings that end at nodes of a tree, (B, N, L), zeros beyond each end.

    Args:
        parents: (B, M) of each node; the root's does not matter.
        symbols: (B, M) 1..V by which a node continues its parent.
        nodes: (B, N) where the strings end.
        lengths: (B, N) symbols from the root on.
    """
    longest = int(lengths.max())
    found = symbols.new_zeros(*nodes.shape, longest + 1)
    for step in range(longest):
        left = lengths - 1 - step
        # What is beyond the root goes to a column that is cut off.
        place = torch.where(left >= 0, left, longest)
        found.scatter_(2, place.unsqueeze(2), symbols.gather(1, nodes).unsqueeze(2))
        nodes = torch.where(left > 0, parents.gather(1, nodes), nodes)
    return found[..., :longest]
