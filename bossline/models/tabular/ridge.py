"""Linear and ridge regression of a table's rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.config import Config
from bossline.models.fitted.base import Fitted
from bossline.models.tabular.columns import AllConfig, ColumnsConfig
from bossline.models.tabular.days import CHANGES
from bossline.models.tabular.least_squares import least_squares
from bossline.models.tabular.standard import Standardised


class RidgeConfig(Config):
    """Least squares in closed form, with an L2 penalty or without; fitted in one pass."""

    takes: ClassVar[str] = "rows"
    fitted: ClassVar[bool] = True

    kind: Literal["ridge"] = "ridge"
    columns: ColumnsConfig = AllConfig()
    changes: bool = Field(False, description=CHANGES)
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


class Ridge(Fitted):
    """(B, inputs) -> (B,) float32 predictions in units of the target.

    The constant is not penalised. Among weights that do equally well without a penalty, as of
    columns that sum up to a constant, those of the smallest squares are taken.

    Attributes:
        names: of the columns, set before `fit`.
    """

    def __init__(self, config: RidgeConfig, inputs: int) -> None:
        super().__init__()
        self.names: tuple[str, ...] = ()
        self._l2, self._inputs = config.l2, inputs
        self.standard = Standardised(config.columns, inputs, config.changes)
        self.weight = nn.Parameter(torch.zeros(self.standard.outputs, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.standard.restore(self.standard(x) @ self.weight).float()

    @torch.no_grad()
    def fit(self, data: Iterable[tuple[Tensor, Tensor]]) -> str:
        """As of every fitted model, with targets (N,) float in place of classes."""
        batches = list(data)
        x = torch.cat([rows for rows, _ in batches])
        y = torch.cat([targets for _, targets in batches]).double()
        self.standard.fit(x, y, self.names)
        weight = least_squares(self.standard(x), self.standard.targets(y), self._l2)
        self.weight.copy_(weight)
        return f"one pass, {len(weight)} of {self._inputs} columns"
