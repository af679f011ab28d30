"""Averages of the weights over the training, kept beside the model that the optimiser steps.

An average often scores better than any of the weights that enter it. Buffers are averaged like
weights: batch norm gets the mean of its running statistics, where arXiv 1803.05407 passes over the
training data once more. Integer buffers (batch norm's counter, a table's chosen columns) are
those of the model.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

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

    def update(self, model: nn.Module, step: int) -> None:
        """Let the weights enter the average, if it takes those of this step.

        Args:
            step: optimiser steps done.
        """
        if self._config.takes(step, self._span):
            # For equal means too: torch's own function for those fails on integer buffers.
            kept = self._config.kept(int(self.n_averaged))
            self.multi_avg_fn = get_ema_multi_avg_fn(kept)  # type: ignore[no-untyped-call]
            self.update_parameters(model)
            for own, its in zip(self.module.buffers(), model.buffers(), strict=True):
                if not own.is_floating_point():  # a mean of whole numbers is none
                    own.copy_(its)
