"""Linear regression whose weights differ a little from state to state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.config import Config
from bossline.errors import UserError
from bossline.models.fitted.base import Fitted
from bossline.models.tabular.columns import AllConfig, ColumnsConfig
from bossline.models.tabular.days import CHANGES
from bossline.models.tabular.evidence import Grouped, Posterior, most_likely
from bossline.models.tabular.scaling import varies
from bossline.models.tabular.standard import Standardised


class MultilevelConfig(Config):
    """Weights for all, and what each group of rows adds to them; fitted without gradient steps.

    How far groups may differ, how much a column may weigh and how noisy a group is, the training
    rows decide by their evidence: there is nothing to set. The groups are those that columns of
    zeros and ones tell apart, such as states.
    """

    takes: ClassVar[str] = "rows"
    fitted: ClassVar[bool] = True

    kind: Literal["multilevel"] = "multilevel"
    columns: ColumnsConfig = AllConfig()
    changes: bool = Field(False, description=CHANGES)

    def build(self, inputs: int, outputs: int) -> Multilevel:
        """
        Args:
            inputs: columns.
            outputs: 1, the target.

        Raises:
            UserError: the table has fewer columns than are to be chosen.
        """
        assert outputs == 1
        return Multilevel(self, inputs)


class Multilevel(Fitted):
    """(B, inputs) -> (B,) float32 predictions in units of the target.

    A row of a group that no training row was of is predicted by the common weights.

    Attributes:
        names: of the columns, set before `fit`.
        weight: (inputs + 1, k), of rows with a one in the column, last of rows without any.
    """

    tells: Tensor

    def __init__(self, config: MultilevelConfig, inputs: int) -> None:
        super().__init__()
        self.names: tuple[str, ...] = ()
        self.standard = Standardised(config.columns, inputs, config.changes)
        self.register_buffer("tells", torch.zeros(inputs, dtype=torch.bool))
        shape = inputs + 1, self.standard.outputs
        self.weight = nn.Parameter(torch.zeros(shape, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        products = self.standard(x) * self.weight[self._groups(x)]
        return self.standard.restore(products.sum(1)).float()

    @torch.no_grad()
    def fit(self, data: Iterable[tuple[Tensor, Tensor]]) -> str:
        """As of every fitted model, with targets (N,) float in place of classes.

        Raises:
            UserError: the columns cannot be chosen, or a row is of two groups.
        """
        batches = list(data)
        x = torch.cat([rows for rows, _ in batches])
        y = torch.cat([targets for _, targets in batches]).double()
        self.standard.fit(x, y, self.names)
        self.tells.copy_(((x == 0) | (x == 1)).all(0) & varies(x))
        if ((x == 1) & self.tells).sum(1).max() > 1:
            raise UserError(
                "model.kind=multilevel: a row has a one in two columns of zeros and ones, so that "
                "its group is not told: set model.kind=ridge"
            )
        present, groups = torch.unique(self._groups(x), return_inverse=True)
        rows = Grouped.of(self.standard(x), self.standard.targets(y), groups)
        common, own = Posterior(rows, most_likely(rows, self._kinds())).weights()
        self.weight.copy_(common)
        self.weight[present] = own
        return f"{len(present)} groups of rows, {len(common)} of {x.shape[1]} columns"

    def _groups(self, x: Tensor) -> Tensor:
        """(B,) int64: the column that tells of the group; after the last where none does."""
        found = ((x == 1) & self.tells).int()
        return torch.where(found.any(1), found.argmax(1), x.shape[1])

    def _kinds(self) -> Tensor:
        """(k,) int64: 0 where a column tells of the group, else 1, or 2 where it is a change."""
        following = self.standard.following
        change = following != torch.arange(len(following), device=following.device)
        return torch.where(self.tells, 0, 1 + change.int())[self.standard.chosen].long()
