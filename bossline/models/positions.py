"""How attention knows the order of frames and symbols: one choice for encoders and decoders."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

MOST_PLACES = 2048
"""As many places have a vector of their own among learnt positions; all later ones share the last.
"""

PositionKind = Literal["rotary", "sinusoidal", "learnt", "relative", "none"]

Rotation = tuple[Tensor, Tensor]
"""Cosine and sine, (T, half a head's width) each."""

Places = Rotation | Tensor | None
"""What attention is told: a rotation, the vectors of distances, or nothing."""


class Positions(nn.Module):
    """No positions at all, and what every other kind of them answers to."""

    def added(self, x: Tensor, first: int = 0) -> Tensor:
        """(B, T, width) -> the same, before the first layer.

        Args:
            x: frames or symbols at the places first, ..., first + T - 1.
            first: how many came before.
        """
        return x

    def forward(self, steps: int, first: int = 0) -> Places:
        """What attention is told, for all layers.

        Args:
            steps: so many queries, at the places first, first + 1 and so on.
            first: how many keys there are before the first query's own.
        """
        return None


class RotaryPositions(Positions):
    """Rotary positions (Su et al. 2021, arXiv 2104.09864).

    Query and key of frame t are turned by angles proportional to t, so their product depends on the
    distance of two frames alone. Positions are thus relative, as in the Conformer's paper, yet no
    (T, T) bias exists that would cost memory and shut out the fused attention kernels.
    """

    frequencies: Tensor

    def __init__(self, head_width: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", _frequencies(head_width), persistent=False)

    def forward(self, steps: int, first: int = 0) -> Rotation:
        """Cosine and sine (steps, half a head's width)."""
        times = torch.arange(first, first + steps, device=self.frequencies.device)
        angles = times.unsqueeze(1) * self.frequencies
        return angles.cos(), angles.sin()


class SinusoidalPositions(Positions):
    """Sines and cosines of a place are added (arXiv 1706.03762, section 3.5).

    All sines stand before all cosines, where the paper lets them take turns.
    """

    frequencies: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", _frequencies(width), persistent=False)

    def added(self, x: Tensor, first: int = 0) -> Tensor:
        times = torch.arange(first, first + x.shape[1], device=x.device)
        return x + _sinusoids(times, self.frequencies).to(x.dtype)


class LearntPositions(Positions):
    """A learnt vector a place is added (Gehring et al. 2017, arXiv 1705.03122).

    There are MOST_PLACES of them. Later places all get the last one's, so a longer utterance is
    read, though its end without order; nothing depends on how far a batch is padded.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(MOST_PLACES, width)
        nn.init.normal_(self.vectors.weight, std=0.02)

    def added(self, x: Tensor, first: int = 0) -> Tensor:
        times = torch.arange(first, first + x.shape[1], device=x.device)
        vectors: Tensor = self.vectors(times.clamp_max(MOST_PLACES - 1))
        return x + vectors.to(x.dtype)


class RelativePositions(Positions):
    """Sinusoids of distances, for the scores of Transformer-XL (Dai et al. 2019, arXiv 1901.02860).

    What is learnt of them stands in each layer's attention.
    """

    frequencies: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", _frequencies(width), persistent=False)

    def forward(self, steps: int, first: int = 0) -> Tensor:
        """(first + 2 * steps - 1, width): of the last query's distance to the first key, and down
        to that of the first query to the last key, which is negative."""
        last = first + steps - 1
        distances = torch.arange(last, -steps, -1, device=self.frequencies.device)
        return _sinusoids(distances, self.frequencies)


def positions_of(kind: PositionKind, width: int, heads: int) -> Positions:
    """
    Args:
        kind: as a recipe names it.
        width: numbers a frame between the layers.
        heads: of the attention.
    """
    match kind:
        case "rotary":
            return RotaryPositions(width // heads)
        case "sinusoidal":
            return SinusoidalPositions(width)
        case "learnt":
            return LearntPositions(width)
        case "relative":
            return RelativePositions(width)
        case "none":
            return Positions()


def _frequencies(width: int) -> Tensor:
    """(width / 2,) radians a frame, of an even width."""
    pairs: Tensor = torch.arange(0, width, 2) / width
    return 10_000**-pairs


def _sinusoids(times: Tensor, frequencies: Tensor) -> Tensor:
    """(T,), (width / 2,) -> (T, width)."""
    angles = times.unsqueeze(1) * frequencies
    return torch.cat((angles.sin(), angles.cos()), dim=-1)
