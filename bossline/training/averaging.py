"""Averages of the weights over the training, kept beside the model that the optimiser steps.

An average often scores better than any of the weights that enter it. Buffers are averaged like
weights: batch norm gets the mean of its running statistics, where arXiv 1803.05407 passes over the
training data once more. Integer buffers (batch norm's counter, a table's chosen columns) are
those of the model.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from bossline.core.config import Config
from bossline.training.schedules import Span


class EmaConfig(Config):
    """Exponential moving average (Polyak and Juditsky 1992), updated after every step.

    The first update copies the weights. The decay warms up as in TensorFlow's
    ExponentialMovingAverage, so that the first, bad weights are soon forgotten.
    """

    kind: Literal["ema"] = "ema"
    decay: float = Field(
        0.999, gt=0, lt=1, description="share of itself that the average keeps, once warmed up"
    )

    def takes(self, step: int, span: Span) -> bool:
        """Whether the weights after so many steps enter the average."""
        return True

    def kept(self, count: int) -> float:
        """Share of itself that an average of so many sets of weights keeps as the next enters."""
        return min(self.decay, (1 + count) / (10 + count))


class SwaConfig(Config):
    """Stochastic weight averaging (arXiv 1803.05407): the equal mean of the ends of epochs.

    Before `start` there is no average: the weights themselves are validated and saved.
    """

    kind: Literal["swa"] = "swa"
    start: float = Field(
        0.75, ge=0, lt=1, description="share of all steps from which on the ends of epochs count"
    )

    def takes(self, step: int, span: Span) -> bool:
        """Whether the weights after so many steps enter the average."""
        ends_epoch = step % span.steps_per_epoch == 0
        return ends_epoch and step / (span.epochs * span.steps_per_epoch) >= self.start

    def kept(self, count: int) -> float:
        """Share of itself that an average of so many sets of weights keeps as the next enters."""
        return count / (count + 1)


AveragingConfig = Annotated[EmaConfig | SwaConfig, Field(discriminator="kind")]


class WeightAverage(AveragedModel):
    """A copy of the model, `module`, that holds the average of `n_averaged` sets of weights."""

    def __init__(self, config: AveragingConfig, model: nn.Module, span: Span) -> None:
        super().__init__(model, use_buffers=True)
        self._config, self._span = config, span
        for part in self.modules():
            if isinstance(part, nn.RNNBase):
                part.flatten_parameters()  # copying tore apart the one chunk that cuDNN wants

    def counted(self, step: int) -> float:
        """Count the weights of a step in, if they enter: the share that the average keeps of itself
        in `blend`, 1 where they do not.

        Args:
            step: optimiser steps done.
        """
        if not self._config.takes(step, self._span):
            return 1.0
        count = int(self.n_averaged)
        self.n_averaged += 1
        return self._config.kept(count) if count else 0.0

    @torch.no_grad()
    def blend(self, model: nn.Module, kept: float | Tensor) -> None:
        """Let the weights enter.

        Args:
            kept: share of itself that the average keeps; in a tensor where a graph is to hold for
                any.
        """
        if not isinstance(kept, Tensor) and kept == 1:
            return
        pairs = zip(self._tensors(self.module), self._tensors(model), strict=True)
        own: list[Tensor] = []
        its: list[Tensor] = []
        for mine, new in pairs:
            if new.is_floating_point():
                own.append(mine)
                its.append(new)
            else:  # a mean of whole numbers is none
                mine.copy_(new)
        if isinstance(kept, Tensor):
            entering = 1 - kept
            torch._foreach_lerp_(own, its, [entering.to(one.dtype) for one in own])
        elif kept:
            torch._foreach_lerp_(own, its, 1 - kept)
        else:
            torch._foreach_copy_(own, its)

    @staticmethod
    def _tensors(model: nn.Module) -> list[Tensor]:
        return [one.detach() for one in (*model.parameters(), *model.buffers())]
