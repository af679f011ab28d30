"""What frames of a state look like: a Gaussian mixture for each state of a model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_LEAST_FRAMES = 10.0  # that a Gaussian is estimated from; with fewer it stays as it was
_LEAST_VARIANCE = 0.01  # of frames whose variance is 1: keeps a Gaussian from closing in on one
_APART = 0.2  # standard deviations by which the halves of a Gaussian move
_LEAST_LIKELY = 1e-3  # that a frame is in a state, to count there


@dataclass(frozen=True, eq=False)
class Mixtures:
    """J states with M Gaussians each, without covariances.

    Attributes:
        shares: (J, M), sum to 1.
        means: (J, M, D).
        variances: (J, M, D).
        stay: (J,) probability that a state lasts a frame more.
    """

    shares: Tensor
    means: Tensor
    variances: Tensor
    stay: Tensor

    @classmethod
    def flat(cls, states: int, dim: int) -> Mixtures:
        """One Gaussian a state, all the same: mean 0 and variance 1, as CMVN leaves frames."""
        return cls(
            torch.ones(states, 1),
            torch.zeros(states, 1, dim),
            torch.ones(states, 1, dim),
            torch.full((states,), 0.5),
        )

    def log_joint(self, frames: Tensor) -> Tensor:
        """(N, D) -> (N, J, M) log-likelihood of frames and Gaussian."""
        states, count, dim = self.means.shape
        precisions = (1 / self.variances).view(-1, dim)
        means = self.means.view(-1, dim)
        constants = self.shares.view(-1).log() - 0.5 * (
            (means.square() * precisions).sum(1)
            - precisions.log().sum(1)
            + dim * math.log(2 * math.pi)
        )
        joint = torch.addmm(constants, frames, (means * precisions).mT)
        joint.addmm_(frames.square(), precisions.mT, alpha=-0.5)
        return joint.view(-1, states, count)

    def halved(self) -> Mixtures:
        """Twice as many Gaussians: each in two, a little apart."""
        apart = _APART * self.variances.sqrt()
        return Mixtures(
            torch.cat([self.shares, self.shares], 1) / 2,
            torch.cat([self.means - apart, self.means + apart], 1),
            torch.cat([self.variances, self.variances], 1),
            self.stay,
        )


class Counts:
    """What frames say of mixtures: the sums of which a better one is estimated.

    The expectation step of expectation maximisation (Dempster, Laird and Rubin 1977); `estimate` is
    its maximisation.
    """

    def __init__(self, model: Mixtures) -> None:
        self._model = model
        states, count, dim = model.means.shape
        self._occupied = torch.zeros(states, count, dtype=torch.float64)
        self._sums = torch.zeros(states * count, dim, dtype=torch.float64)
        self._squares = torch.zeros(states * count, dim, dtype=torch.float64)
        self._left = torch.zeros(states, dtype=torch.float64)

    def add(self, frames: Tensor, joint: Tensor, likely: Tensor, left: Tensor) -> None:
        """
        Args:
            frames: (N, D).
            joint: (N, J, M) the model's `log_joint` of them.
            likely: (N, J) that a frame is in a state.
            left: (J,) how many times states were left.
        """
        where = (likely > _LEAST_LIKELY).nonzero(as_tuple=True)
        shares = joint[where].softmax(1) * likely[where].unsqueeze(1)
        spread = torch.zeros_like(joint)
        spread[where] = shares
        self._occupied += spread.sum(0, dtype=torch.float64)
        spread = spread.view(len(frames), -1)
        self._sums += spread.mT @ frames
        self._squares += spread.mT @ frames.square()
        self._left += left

    def estimate(self) -> Mixtures:
        """The mixtures that make what was counted likeliest."""
        model = self._model
        states, count, dim = model.means.shape
        enough = self._occupied >= _LEAST_FRAMES
        occupied = self._occupied.clamp_min(_LEAST_FRAMES).view(-1, 1)
        means = self._sums / occupied
        variances = (self._squares / occupied - means.square()).clamp_min(_LEAST_VARIANCE)
        shape = states, count, dim
        known = enough.unsqueeze(2)
        visits = self._occupied.sum(1)
        shares = self._occupied.clamp_min(1.0)
        # A state that is left as often as it is in a frame lasts one frame.
        stay = 1 - self._left / visits.clamp_min(1.0)
        return Mixtures(
            (shares / shares.sum(1, keepdim=True)).float(),
            torch.where(known, means.view(shape).float(), model.means),
            torch.where(known, variances.view(shape).float(), model.variances),
            torch.where(visits >= _LEAST_FRAMES, stay.float(), model.stay).clamp(0.05, 0.98),
        )
