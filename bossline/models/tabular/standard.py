"""Chosen columns and the target in standard units: mean 0, standard deviation 1."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bossline.models.tabular.columns import ColumnsConfig
from bossline.models.tabular.days import changed, next_days
from bossline.models.tabular.scaling import mean_and_scale


class Standardised(nn.Module):
    """(B, D) -> (B, k) float64: the chosen columns, or their changes, in standard units.

    All that it needs travels in the state dict.

    Attributes:
        outputs: k.
    """

    following: Tensor
    chosen: Tensor
    mean: Tensor
    scale: Tensor
    target_mean: Tensor
    target_scale: Tensor

    def __init__(self, columns: ColumnsConfig, inputs: int, changes: bool = False) -> None:
        """
        Args:
            inputs: D.
            changes: put the change to the next day in place of each column that has one.

        Raises:
            UserError: more columns are wanted than there are.
        """
        super().__init__()
        self._columns, self._changes = columns, changes
        self.outputs = columns.count_of(inputs)
        self.register_buffer("following", torch.arange(inputs))
        self.register_buffer("chosen", torch.arange(self.outputs))
        self.register_buffer("mean", torch.zeros(self.outputs, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(self.outputs, dtype=torch.float64))
        self.register_buffer("target_mean", torch.zeros((), dtype=torch.float64))
        self.register_buffer("target_scale", torch.ones((), dtype=torch.float64))

    def fit(self, x: Tensor, y: Tensor, names: Sequence[str]) -> None:
        """Choose columns and set units, from these rows alone.

        Args:
            x: (N, D) training rows.
            y: (N,) target.
            names: of the columns.

        Raises:
            UserError: the columns cannot be chosen.
        """
        if self._changes:
            self.following.copy_(next_days(names))
        x, y = changed(x.double(), self.following), y.double()
        self.chosen.copy_(self._columns.choose(x, y, names))
        mean, scale = mean_and_scale(x[:, self.chosen])
        self.mean.copy_(mean)
        self.scale.copy_(scale)
        mean, scale = mean_and_scale(y)
        self.target_mean.copy_(mean)
        self.target_scale.copy_(scale)

    def forward(self, x: Tensor) -> Tensor:
        return (changed(x.double(), self.following)[:, self.chosen] - self.mean) / self.scale

    def targets(self, y: Tensor) -> Tensor:
        """(B,) in units of the target -> (B,) in standard units, of the same dtype."""
        return (y - self.target_mean) / self.target_scale

    def restore(self, z: Tensor) -> Tensor:
        """(B,) in standard units -> (B,) in units of the target, of the same dtype."""
        return z * self.target_scale + self.target_mean
