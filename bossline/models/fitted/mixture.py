"""A Gaussian mixture of frames, each Gaussian with variances of its own but no covariances."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from bossline.batches.padded import Padded
from bossline.models.pooling import real_frames

_MOST_PASSES = 40
_GAIN = 1e-3  # of the mean log-likelihood: a pass that brings less is the last
_LEAST_VARIANCE = 1e-2  # of that of all frames; keeps a Gaussian from closing in on one of them
_GOLDEN = (math.sqrt(5) - 1) / 2
_ROUNDING = 1e-6  # of the greatest variance; a principal component below it is left as it is


class Mixture(nn.Module):
    """(..., D) frames -> their principal components, and which Gaussian each is likely from.

    Gaussians without covariances suit principal components, over all frames uncorrelated.
    """

    def __init__(self, inputs: int, components: int) -> None:
        """
        Args:
            inputs: D.
            components: K Gaussians.
        """
        super().__init__()
        self.middle: Tensor
        self.rotation: Tensor
        self.shares: Tensor
        self.means: Tensor
        self.variances: Tensor
        self.register_buffer("middle", torch.zeros(inputs))
        self.register_buffer("rotation", torch.eye(inputs))
        self.register_buffer("shares", torch.full((components,), 1 / components))
        self.register_buffer("means", torch.zeros(components, inputs))
        self.register_buffer("variances", torch.ones(components, inputs))

    def rotated(self, frames: Tensor) -> Tensor:
        """(..., D) principal components of variance 1."""
        return (frames - self.middle) @ self.rotation

    def posteriors(self, rotated: Tensor) -> Tensor:
        """(..., D) -> (..., K) probabilities of the Gaussians."""
        return self._log_joint(rotated).softmax(-1)

    def _log_joint(self, x: Tensor) -> Tensor:
        precisions = 1 / self.variances
        squares = (self.means.square() * precisions).sum(1)
        constants = self.shares.log() - (squares + (2 * math.pi * self.variances).log().sum(1)) / 2
        return x @ (self.means * precisions).mT - x.square() @ precisions.mT / 2 + constants

    @torch.no_grad()
    def fit(self, frames: Tensor) -> None:
        """Set the weights by expectation maximisation (Dempster, Laird and Rubin 1977).

        Nothing is drawn: it begins at frames spread over those given by the golden ratio, which
        keeps step with no length of utterances.

        Args:
            frames: (N, D), at least one.
        """
        components = len(self.shares)
        self.middle.copy_(frames.mean(0))
        centred = frames.double() - self.middle
        values, vectors = torch.linalg.eigh(centred.mT @ centred / len(centred))
        varies = values > _ROUNDING * values[-1].clamp_min(_ROUNDING)
        self.rotation.copy_(vectors * torch.where(varies, values.rsqrt(), 1))
        x = self.rotated(frames)
        self.shares.fill_(1 / components)
        places = (torch.arange(components, dtype=torch.float64) * _GOLDEN % 1 * len(x)).long()
        self.means.copy_(x[places.to(x.device)])
        self.variances.fill_(1)
        before = -math.inf
        for _ in range(_MOST_PASSES):
            likelihood = self._pass(x)
            if likelihood - before < _GAIN:
                break
            before = likelihood

    def _pass(self, x: Tensor) -> float:
        """Move the Gaussians to the frames that they are likely to have made.

        Returns:
            The mean log-likelihood before.
        """
        counts = torch.zeros_like(self.shares, dtype=torch.float64)
        sums, squares = (torch.zeros_like(self.means, dtype=torch.float64) for _ in range(2))
        likelihood = 0.0
        for some in torch.split(x, 32_768):
            joint = self._log_joint(some)
            likelihood += float(joint.logsumexp(1).sum())
            posteriors = joint.softmax(1)
            counts += posteriors.sum(0)
            sums += posteriors.mT @ some
            squares += posteriors.mT @ some.square()
        held = counts.clamp_min(torch.finfo(torch.float32).tiny).unsqueeze(1)
        means = sums / held
        self.shares.copy_((counts / len(x)).clamp_min(torch.finfo(torch.float32).tiny))
        self.means.copy_(means)
        self.variances.copy_((squares / held - means.square()).clamp_min(_LEAST_VARIANCE))
        return likelihood / len(x)


# How a voice shifts the Gaussians of a mixture; what is said only chooses among them.


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
