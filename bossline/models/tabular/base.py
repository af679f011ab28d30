"""What the models of a table's rows share: columns that they choose, in units of their own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.config import Config
from bossline.models.fitted.base import Fitted
from bossline.models.tabular.columns import AllConfig, ColumnsConfig
from bossline.models.tabular.days import CHANGES
from bossline.models.tabular.standard import Standardised


class TableConfig(Config):
    """Which columns a model reads, and how."""

    takes: ClassVar[str] = "rows"

    columns: ColumnsConfig = AllConfig()
    changes: bool = Field(False, description=CHANGES)


class TableModel(nn.Module):
    """(B, inputs) -> (B,) float32 predictions in units of the target.

    Attributes:
        names: of the columns, set before the model sees a row.
    """

    def __init__(self, config: TableConfig, inputs: int) -> None:
        """
        Raises:
            UserError: the table has fewer columns than are to be chosen.
        """
        super().__init__()
        self.names: tuple[str, ...] = ()
        self.standard = Standardised(config.columns, inputs, config.changes)


class FittedTable(TableModel, Fitted):
    """One that is fitted to all rows at once, which a table is small enough for."""

    @torch.no_grad()
    def fit(self, data: Iterable[tuple[Tensor, Tensor]]) -> str:
        """As of every fitted model, with targets (N,) float in place of classes."""
        batches = list(data)
        x = torch.cat([rows for rows, _ in batches])
        y = torch.cat([targets for _, targets in batches]).double()
        self.standard.fit(x, y, self.names)
        return self._solve(x, self.standard.targets(y))

    @abstractmethod
    def _solve(self, x: Tensor, targets: Tensor) -> str:
        """Set the weights, columns and units being chosen; how it went, in a few words.

        Args:
            x: (N, inputs) rows.
            targets: (N,) float64, in standard units.

        Raises:
            UserError: the rows do not determine the weights.
        """
