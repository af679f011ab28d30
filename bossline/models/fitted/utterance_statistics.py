"""What a voice leaves in the numbers of a whole utterance, without any learning."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.models.pooling.base import correlations_over_time, real_frames, standardised

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class UtteranceStatistics(nn.Module):
    """Padded (B, T, D) -> (B, outputs): how frames spread, and how they go together.

    Of each dimension the logarithm of its standard deviation and five quantiles; of each pair the
    correlation, at once and so many frames apart. Frames are standardised over the utterance first,
    so a channel that adds to log energies changes nothing.
    """

    def __init__(self, inputs: int, lags: Sequence[int]) -> None:
        """
        Args:
            inputs: D.
            lags: in frames; 0 is at once.
        """
        super().__init__()
        self._lags = tuple(lags)
        pairs = [inputs * (inputs - 1) // 2 if lag == 0 else inputs**2 for lag in lags]
        self.outputs = inputs * (1 + len(_QUANTILES)) + sum(pairs)

    def forward(self, batch: Padded) -> Tensor:
        with torch.autocast(batch.frames.device.type, enabled=False):
            z, deviation = standardised(batch.with_frames(real_frames(batch)))
            correlations = [correlations_over_time(z, batch.lengths, lag) for lag in self._lags]
            return torch.cat([deviation.log(), _quantiles(z, batch), *correlations], dim=1)


def _quantiles(z: Tensor, batch: Padded) -> Tensor:
    """(B, quantiles * D), between two frames in proportion, as numpy does by default."""
    ordered = z.masked_fill(~batch.mask.unsqueeze(2), float("inf")).sort(1).values
    levels = torch.tensor(_QUANTILES, dtype=torch.float64, device=z.device)
    places = levels * (batch.lengths.unsqueeze(1) - 1)
    below = places.floor().long()
    above = torch.minimum(below + 1, batch.lengths.unsqueeze(1) - 1)
    share = (places - below).to(z.dtype).unsqueeze(2)
    wide = (-1, -1, z.shape[2])
    low = ordered.gather(1, below.unsqueeze(2).expand(wide))
    high = ordered.gather(1, above.unsqueeze(2).expand(wide))
    return torch.lerp(low, high, share).flatten(1)
