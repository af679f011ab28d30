"""Regression of a table's rows by gradient steps."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from bossline.core.config import Config
from bossline.models.layers import OutputLayer
from bossline.models.mlp import Mlp, MlpConfig
from bossline.models.tabular.base import PolynomialConfig, TableModel
from bossline.models.tabular.ridge import least_squares


class LinearConfig(Config):
    """One linear layer, from zeros."""

    kind: Literal["linear"] = "linear"

    def build(self, inputs: int, outputs: int) -> OutputLayer:
        """
        Args:
            inputs: columns.
            outputs: numbers to predict.
        """
        linear = OutputLayer(inputs, outputs)
        _zero(linear)
        return linear


class RegressorConfig(PolynomialConfig):
    """A network over standardised columns, learnt by the recipe's optimiser.

    The penalty is part of the loss, so that every optimiser has the same optimum.
    """

    fitted: ClassVar[bool] = False

    kind: Literal["regressor"] = "regressor"
    network: Annotated[
        LinearConfig | MlpConfig, Field(discriminator="kind", description="what reads the columns")
    ]
    l2: float = Field(
        0.0,
        ge=0,
        description="of a linear network, the squared weights against the summed squared errors",
    )
    skip: bool = Field(
        False, description="add the network to a linear layer, which starts at least squares"
    )

    @model_validator(mode="after")
    def _linear_or_not(self) -> RegressorConfig:
        if self.network.kind == "linear" and self.skip:
            raise ValueError("a linear network is a linear layer already: leave out skip")
        if self.network.kind != "linear" and self.l2:
            raise ValueError(
                f"l2 is for a linear network, not for {self.network.kind}: leave it out, "
                "or set optimiser.weight_decay"
            )
        return self

    def build(self, inputs: int, outputs: int) -> Regressor:
        """
        Args:
            inputs: columns.
            outputs: 1, the target.

        Raises:
            UserError: the table has fewer columns than are to be chosen.
        """
        assert outputs == 1
        return Regressor(self, inputs)


class Regressor(TableModel):
    """A network over standardised columns, float32 whatever autocast says."""

    def __init__(self, config: RegressorConfig, inputs: int) -> None:
        super().__init__(config, inputs)
        self._l2 = config.l2
        self.network = config.network.build(self.standard.outputs, 1)
        self.skip = LinearConfig().build(self.standard.outputs, 1) if config.skip else None
        if config.skip:
            assert isinstance(self.network, Mlp)  # the config sees to it
            _zero(self.network.layers[-1])

    @torch.no_grad()
    def prepare(self, x: Tensor, y: Tensor) -> None:
        """Choose columns and set units, and the skip's weights; once, before the first step.

        Args:
            x: (N, inputs), all training rows.
            y: (N,) target.

        Raises:
            UserError: the columns cannot be chosen.
        """
        self.standard.fit(x, y, self.names)
        if self.skip is not None:
            weight = least_squares(self.standard(x), self.standard.targets(y.double()), 0)
            self.skip.weight.copy_(weight)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            z = self.standard(x).float()
            predicted: Tensor = self.network(z)
            if self.skip is not None:
                predicted = predicted + self.skip(z)
            return self.standard.restore(predicted.squeeze(1))

    def penalty(self, count: int) -> Tensor:
        """What is added to the mean squared error, in units of the target: l2 |w|^2 / count.

        The w are of standardised columns, the bias left out, so that the optimum is that of `Ridge`
        with the same l2.

        Args:
            count: rows of the training split.
        """
        if not isinstance(self.network, nn.Linear):
            return self.standard.target_scale.new_zeros((), dtype=torch.float32)
        weight = self.network.weight * self.standard.target_scale
        return self._l2 * weight.square().sum() / count


def _zero(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
