"""One question asked on several days (features/days.py): its changes in place of its answers.

From day to day answers hardly differ, and what tells of tomorrow is by how much.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from bossline.data.features.days import day_of, on_day, stem_of
from bossline.models.base import ModelConfig
from bossline.models.fitted.base import Fitted
from bossline.models.tabular.columns import AllConfig, ColumnsConfig, mean_and_scale
from bossline.models.tabular.polynomials import Polynomials

CHANGES = (
    "of questions asked on several days (columns NAME, NAME.1, ...), the answer of the last day "
    "and the changes from day to day in place of the answers"
)


def next_days(names: Sequence[str]) -> Tensor:
    """(D,) int64: where the same question stands a day later; its own place on the last day.

    >>> next_days(("AL", "cli", "ili", "cli.1", "ili.1", "cli.2")).tolist()
    [0, 3, 4, 5, 4, 5]
    """
    places = {name: place for place, name in enumerate(names)}
    later = [on_day(stem_of(name), day_of(name) + 1) for name in names]
    return torch.tensor([places.get(name, place) for place, name in enumerate(later)])


def changed(x: Tensor, following: Tensor) -> Tensor:
    """In place of each column its change to the next day; columns of the last day stay.

    Nothing is lost: a linear model has the same least squares.

    Args:
        x: (B, D).
        following: (D,), see `next_days`.
    """
    return torch.where(goes_on(following), x[:, following] - x, x)


def goes_on(following: Tensor) -> Tensor:
    """(D,) True where the same question stands a day later."""
    return following != torch.arange(len(following), device=following.device)


# Chosen columns and the target in standard units: mean 0, standard deviation 1.


class Standardised(nn.Module):
    """(B, D) -> (B, M) float64: the chosen columns, or their changes, in standard units.

    Where a polynomial of them is wanted, its terms in units of their own. All that it needs travels
    in the state dict.

    Attributes:
        outputs: M.
    """

    following: Tensor
    chosen: Tensor
    mean: Tensor
    scale: Tensor
    target_mean: Tensor
    target_scale: Tensor

    def __init__(
        self,
        columns: ColumnsConfig,
        inputs: int,
        changes: bool = False,
        terms: Polynomials | None = None,
    ) -> None:
        """
        Args:
            inputs: D.
            changes: put the change to the next day in place of each column that has one.
            terms: of a polynomial of the chosen columns, in their place.

        Raises:
            UserError: more columns are wanted than there are.
        """
        super().__init__()
        self._columns, self._changes = columns, changes
        count = columns.count_of(inputs)
        self.outputs = count if terms is None else terms.outputs
        self.register_buffer("following", torch.arange(inputs))
        self.register_buffer("chosen", torch.arange(count))
        self.register_buffer("mean", torch.zeros(count, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(count, dtype=torch.float64))
        self.register_buffer("target_mean", torch.zeros((), dtype=torch.float64))
        self.register_buffer("target_scale", torch.ones((), dtype=torch.float64))
        self.terms = terms

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
        if self.terms is not None:
            self.terms.fit(self._columns_of(x))

    def forward(self, x: Tensor) -> Tensor:
        z = self._columns_of(changed(x.double(), self.following))
        return z if self.terms is None else cast(Tensor, self.terms(z))

    def _columns_of(self, x: Tensor) -> Tensor:
        return (x[:, self.chosen] - self.mean) / self.scale

    def targets(self, y: Tensor) -> Tensor:
        """(B,) in units of the target -> (B,) in standard units, of the same dtype."""
        return (y - self.target_mean) / self.target_scale

    def restore(self, z: Tensor) -> Tensor:
        """(B,) in standard units -> (B,) in units of the target, of the same dtype."""
        return z * self.target_scale + self.target_mean


# What the models of a table's rows share: columns that they choose, in units of their own.


class TableConfig(ModelConfig):
    """Which columns a model reads, and how."""

    takes: ClassVar[str] = "rows"

    columns: ColumnsConfig = Field(AllConfig(), description="which columns the model sees")
    changes: bool = Field(False, description=CHANGES)

    def terms(self, count: int) -> Polynomials | None:
        """What is read in place of so many columns; None: the columns themselves.

        Raises:
            UserError: more terms than a model is fitted to.
        """
        return None


class PolynomialConfig(TableConfig):
    """Which powers of its columns a model reads, too."""

    degree: int = Field(1, ge=1, le=3, description="highest power of a column that the model sees")
    interactions: bool = Field(
        False, description="products of several columns too, up to the degree"
    )

    def terms(self, count: int) -> Polynomials | None:
        return Polynomials(self.degree, self.interactions, count) if self.degree > 1 else None


class TableModel(nn.Module):
    """(B, inputs) -> (B,) float32 predictions in units of the target.

    Attributes:
        names: of the columns, set before the model sees a row.
    """

    def __init__(self, config: TableConfig, inputs: int) -> None:
        """
        Raises:
            UserError: the table has fewer columns than are to be chosen, or too many for a
                polynomial.
        """
        super().__init__()
        self.names: tuple[str, ...] = ()
        terms = config.terms(config.columns.count_of(inputs))
        self.standard = Standardised(config.columns, inputs, config.changes, terms)


class FittedTable(TableModel, Fitted):
    """One that is fitted to all rows at once, which a table is small enough for."""

    @torch.no_grad()
    def fit(self, data: Iterable[tuple[Tensor, Tensor]]) -> str:
        """As of every fitted model, with targets (N,) float in place of classes."""
        batches = list(data)
        x = torch.cat([rows for rows, _ in batches])
        y = torch.cat([targets for _, targets in batches]).double()
        self.standard.fit(x, y, self.names)
        how = self._solve(x, self.standard.targets(y))
        error = float((self(x) - y).square().mean())
        return f"{how}, mean squared error of these rows {error:.4f}"

    @abstractmethod
    def _solve(self, x: Tensor, targets: Tensor) -> str:
        """Set the weights, columns and units being chosen; how it went, in a few words.

        Args:
            x: (N, inputs) rows.
            targets: (N,) float64, in standard units.

        Raises:
            UserError: the rows do not determine the weights.
        """
