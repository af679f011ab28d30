"""An n-gram model as a table: a look-up in a search is one gather."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bossline.tasks.transcribe.decoding.ngram import Ints, Ngram


@dataclass(frozen=True, eq=False)
class Automaton:
    """States are contexts that were seen; backing off is worked out beforehand.

    Memory is 12 bytes for each state and symbol: of 40 phones and 20,000 contexts, 10 MB.

    Attributes:
        log_probs: (S, V + 1) float32, natural logarithms of each symbol behind each context; of
            the string's end in column 0.
        following: (S, V + 1) int64, the state behind the symbol; column 0 leads to itself.
        start: the state of an empty string.
    """

    log_probs: Tensor
    following: Tensor
    start: int

    @classmethod
    def of(cls, model: Ngram) -> Automaton:
        """The same probabilities, on the CPU."""
        columns = model.symbols + 1
        log_probs = [model.levels[0].log_probs[None, :columns]]
        following = [np.zeros((1, columns), np.int64)]
        begin, count = [0], 1  # of the states with contexts of each length, shorter ones first
        owners = [
            np.zeros(1, np.int64)
        ]  # of each n-gram of a length its state, -1 of those with none
        for length in range(1, model.order):
            level, longer = model.levels[length - 1], model.levels[length]
            is_context = level.grams[:, -1] != 0
            contexts = level.grams[is_context]
            owner = np.where(is_context, count + is_context.cumsum() - 1, -1)
            # Behind a shorter context, what leads here.
            into = contexts[:, -1] < columns
            rows = _states(model, owners, contexts[into, :-1]) - begin[-1]
            following[-1][rows, contexts[into, -1]] = owner[is_context][into]
            owners.append(owner)
            suffixes = _states(model, owners[:-1], contexts[:, 1:])
            found = np.concatenate(log_probs)[suffixes] + level.backoffs[is_context, None]
            own = _states(model, owners, longer.grams[:, :-1]) - count
            found[own, longer.grams[:, -1]] = longer.log_probs
            begin.append(count)
            log_probs.append(found)
            following.append(np.concatenate(following)[suffixes])
            count += len(contexts)
        behind = np.concatenate(following)
        behind[:, 0] = np.arange(count)
        start = int(owners[1][model.symbols + 1]) if model.order > 1 else 0
        table = torch.from_numpy(np.concatenate(log_probs)).float()
        return cls(table, torch.from_numpy(behind), start)

    def scores(self, symbols: Tensor, lengths: Tensor) -> Tensor:
        """(B,) log-probabilities of strings with their ends.

        Args:
            symbols: (B, L) int64, 1..V; what is beyond a string's end does not matter.
            lengths: (B,) int64, may be 0.
        """
        inside = torch.arange(symbols.shape[1], device=symbols.device) < lengths.unsqueeze(1)
        state = torch.full_like(lengths, self.start)
        total = self.log_probs.new_zeros(len(lengths))
        for column, real in zip(symbols.unbind(1), inside.unbind(1), strict=True):
            # Beyond the end, 0 stays where it is.
            word = column * real
            total = total + self.log_probs[state, word] * real
            state = self.following[state, word]
        return total + self.log_probs[state, 0]

    def perplexity(self, symbols: Tensor, lengths: Tensor) -> float:
        """Of strings with their ends, as `scores` takes them: exp of the mean -log p of a word."""
        return math.exp(-float(self.scores(symbols, lengths).sum() / (lengths + 1).sum()))

    def to(self, device: torch.device) -> Automaton:
        """The same tables elsewhere."""
        return Automaton(self.log_probs.to(device), self.following.to(device), self.start)


def _states(model: Ngram, owners: list[Ints], grams: Ints) -> Ints:
    """(K,) the state of each context, (K, n): that of its longest end that has one."""
    found = np.zeros(len(grams), np.int64)
    for length in range(1, grams.shape[1] + 1):
        level = model.levels[length - 1]
        if not len(level.grams):
            break
        place = level.places(grams[:, -length:], model.words)
        owner = np.where(place >= 0, owners[length][place], -1)
        found = np.where(owner >= 0, owner, found)
    return found
