"""An n-gram model as a table: a look-up in a search is one gather."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Automaton:
    """States are contexts that were seen; backing off is worked out beforehand.

    Attributes:
        log_probs: (S, V + 1) float32, natural logarithms of each symbol behind each context; of
            the string's end in column 0.
        following: (S, V + 1) int64, the state behind the symbol; column 0 leads to itself.
        start: the state of an empty string.
    """

    log_probs: Tensor
    following: Tensor
    start: int

    def to(self, device: torch.device) -> Automaton:
        """The same tables elsewhere."""
        return Automaton(self.log_probs.to(device), self.following.to(device), self.start)
