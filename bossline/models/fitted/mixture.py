"""A Gaussian mixture of frames, each Gaussian with variances of its own but no covariances."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

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
