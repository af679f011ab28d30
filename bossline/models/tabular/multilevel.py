"""Linear regression whose weights differ a little from state to state."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from bossline.core.errors import UserError
from bossline.models.tabular.base import FittedTable, TableConfig, goes_on
from bossline.models.tabular.columns import varies
from bossline.models.tabular.ridge import Grouped, Posterior, most_likely


class MultilevelConfig(TableConfig):
    """Weights for all, and what each group of rows adds to them; fitted without gradient steps.

    How far groups may differ, how much a column may weigh and how noisy a group is, the training
    rows decide by their evidence: there is nothing to set. The groups are those that columns of
    zeros and ones tell apart, such as states.
    """

    fitted: ClassVar[bool] = True

    kind: Literal["multilevel"] = "multilevel"

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


class Multilevel(FittedTable):
    """Weights of standardised columns, a row of them for each group.

    A row of a group that no training row was of is predicted by the common weights.

    Attributes:
        weight: (inputs + 1, k), of rows with a one in the column, last of rows without any.
    """

    tells: Tensor

    def __init__(self, config: MultilevelConfig, inputs: int) -> None:
        super().__init__(config, inputs)
        self.register_buffer("tells", torch.zeros(inputs, dtype=torch.bool))
        shape = inputs + 1, self.standard.outputs
        self.weight = nn.Parameter(torch.zeros(shape, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        products = self.standard(x) * self.weight[self._groups(x)]
        return self.standard.restore(products.sum(1)).float()

    def _solve(self, x: Tensor, targets: Tensor) -> str:
        self.tells.copy_(((x == 0) | (x == 1)).all(0) & varies(x))
        if ((x == 1) & self.tells).sum(1).max() > 1:
            raise UserError(
                "model.kind=multilevel: a row has a one in two columns of zeros and ones, so that "
                "its group is not told: set model.kind=ridge"
            )
        present, groups = torch.unique(self._groups(x), return_inverse=True)
        rows = Grouped.of(self.standard(x), targets, groups)
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
        change = goes_on(self.standard.following)
        return torch.where(self.tells, 0, 1 + change.int())[self.standard.chosen].long()
