"""How a voice shifts the Gaussians of a mixture; what is said only chooses among them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.models.fitted.mixture import Mixture
from bossline.models.pooling.base import real_frames

_FRAMES = 20  # of each utterance, that the mixture is fitted to
_RELEVANCE = 8  # frames that count as much as what the mixture expects


class MixtureStatistics(nn.Module):
    """Padded (B, T, inputs) -> (B, outputs): a supervector (Campbell et al. 2006).

    Deltas, where frames have some, are left out: with them, Gaussians would tell apart how sounds
    change rather than what they are.

    Of each Gaussian how far the utterance's frames shift its mean, in standard deviations, drawn to
    0 where it has few frames (relevance MAP, Reynolds et al. 2000), and the logarithm of its share.
    """

    def __init__(self, statics: int, components: int) -> None:
        """
        Args:
            statics: the first so many numbers of a frame, which are heard.
            components: Gaussians.
        """
        super().__init__()
        self._statics = statics
        self.mixture = Mixture(statics, components)
        self.outputs = components * (statics + 1)

    def fit(self, batches: Iterable[Padded]) -> None:
        """Fit the mixture to frames that lie evenly spread over each utterance."""
        frames = [_spread(batch)[:, : self._statics] for batch in batches]
        self.mixture.fit(torch.cat(frames))

    def forward(self, batch: Padded) -> Tensor:
        with torch.autocast(batch.frames.device.type, enabled=False):
            x = self.mixture.rotated(real_frames(batch)[..., : self._statics].float())
            posteriors = self.mixture.posteriors(x).masked_fill(~batch.mask.unsqueeze(2), 0)
            counts = posteriors.sum(1)
            means, deviations = self.mixture.means, self.mixture.variances.sqrt()
            shifts = posteriors.mT @ x - counts.unsqueeze(2) * means
            shifts = shifts / (counts.unsqueeze(2) + _RELEVANCE) / deviations
            shares = (counts + 1) / (batch.lengths.unsqueeze(1) + counts.shape[1])
            return torch.cat([shifts.flatten(1), shares.log()], dim=1)


def _spread(batch: Padded) -> Tensor:
    """(up to B * 20, D)."""
    picks = torch.arange(_FRAMES, device=batch.frames.device)
    places = picks * batch.lengths.unsqueeze(1) // _FRAMES
    fresh = torch.ones_like(places, dtype=torch.bool)
    fresh[:, 1:] = places[:, 1:] > places[:, :-1]  # a short utterance has fewer frames
    rows = torch.arange(len(places), device=places.device).unsqueeze(1)
    return batch.frames[rows, places][fresh].float()
