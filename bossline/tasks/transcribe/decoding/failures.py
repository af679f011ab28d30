"""Strings that cannot be right whatever was said: without end, in a loop, too short, too long.

Decoders that attend fail like this (Chorowski et al. 2015, arXiv 1506.07503, section 2.3), and
such strings are better counted than averaged away.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bossline.core.config import Config
from bossline.tasks.transcribe.decoding.hypotheses import Hypotheses

LONGEST_PHRASE = 10  # symbols that may repeat as one
REPEATS = 4  # times in a row that a phrase stands in a loop
SLACK = 1.5  # times slower or faster than anything in training


class SpeakingRates(Config):
    """The least and the greatest symbols per frame of training."""

    least: float
    greatest: float

    @classmethod
    def of(cls, symbols: Tensor, frames: Tensor) -> SpeakingRates:
        """Of lengths of strings and of utterances, (U,) each, at least one."""
        rates = symbols.double() / frames
        return cls(least=float(rates.min()), greatest=float(rates.max()))


@dataclass(frozen=True, eq=False)
class Failures:
    """Of the best string of each utterance, (B,) bool each.

    Attributes:
        unended: it was cut at the greatest length, or none was found.
        loops: a phrase of at most `LONGEST_PHRASE` symbols stands `REPEATS` times in a row.
        short: it has `SLACK` times fewer symbols per frame than any string of training.
        long: it has `SLACK` times more.
    """

    unended: Tensor
    loops: Tensor
    short: Tensor
    long: Tensor

    @classmethod
    def of(cls, found: Hypotheses, frames: Tensor, rates: SpeakingRates) -> Failures:
        """
        Args:
            found: of B utterances.
            frames: (B,) their lengths, on the device.
            rates: of training.
        """
        rate = found.lengths[:, 0] / frames
        return cls(
            unended=~found.ended[:, 0],
            loops=in_loops(found.symbols[:, 0], found.lengths[:, 0]),
            short=rate < rates.least / SLACK,
            long=rate > rates.greatest * SLACK,
        )

    @property
    def failed(self) -> Tensor:
        """(B,) bool, whether any of them is true."""
        return self.unended | self.loops | self.short | self.long


def in_loops(symbols: Tensor, lengths: Tensor) -> Tensor:
    """(B,) bool, see `Failures.loops`.

    Args:
        symbols: (B, L).
        lengths: (B,).
    """
    found = torch.zeros_like(lengths, dtype=torch.bool)
    places = torch.arange(symbols.shape[1], device=symbols.device)
    inside = places < lengths.unsqueeze(1)
    for phrase in range(1, min(LONGEST_PHRASE, symbols.shape[1] // REPEATS) + 1):
        again = (symbols[:, phrase:] == symbols[:, :-phrase]) & inside[:, phrase:]
        # So many in a row are as they were a phrase before.
        run = (REPEATS - 1) * phrase
        sums = torch.nn.functional.pad(again.long().cumsum(1), (1, 0))
        found |= (sums[:, run:] - sums[:, :-run] == run).any(1)
    return found
