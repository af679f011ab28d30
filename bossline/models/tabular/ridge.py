"""Linear and ridge regression of a table's rows."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.models.tabular.base import FittedTable, TableConfig
from bossline.models.tabular.least_squares import least_squares


class RidgeConfig(TableConfig):
    """Least squares in closed form, with an L2 penalty or without; fitted in one pass."""

    fitted: ClassVar[bool] = True

    kind: Literal["ridge"] = "ridge"
    l2: float = Field(
        0.0,
        ge=0,
        description="the squared weights of standardised columns against the summed squared errors",
    )

    def build(self, inputs: int, outputs: int) -> Ridge:
        """
        Args:
            inputs: columns.
            outputs: 1, the target.

        Raises:
            UserError: the table has fewer columns than are to be chosen.
        """
        assert outputs == 1
        return Ridge(self, inputs)


class Ridge(FittedTable):
    """Weights of standardised columns.

    The constant is not penalised. Among weights that do equally well without a penalty, as of
    columns that sum up to a constant, those of the smallest squares are taken.
    """

    def __init__(self, config: RidgeConfig, inputs: int) -> None:
        super().__init__(config, inputs)
        self._l2, self._inputs = config.l2, inputs
        self.weight = nn.Parameter(torch.zeros(self.standard.outputs, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.standard.restore(self.standard(x) @ self.weight).float()

    def _solve(self, x: Tensor, targets: Tensor) -> str:
        weight = least_squares(self.standard(x), targets, self._l2)
        self.weight.copy_(weight)
        return f"one pass, {len(weight)} of {self._inputs} columns"
