"""Where the numbers of a column lie and how far they spread."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field, field_validator
from torch import Tensor

from bossline.core.config import Config
from bossline.core.errors import UserError, did_you_mean


def mean_and_scale(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of columns, the latter divided by N under the root.

    A constant column has its own value for a mean, to the last bit, and scale 1: standardised it is
    0, not rounding blown up.

    Args:
        x: (N, D) or (N,).

    Returns:
        (D,) each, or scalars.
    """
    mean, deviation = x.mean(0), x.std(0, correction=0)
    varying = varies(x)
    return torch.where(varying, mean, x[0]), torch.where(varying & (deviation > 0), deviation, 1)


def varies(x: Tensor) -> Tensor:
    """(N, D) -> (D,) whether a column has more than one value."""
    return (x != x[0]).any(0)


# Which columns of a table a model reads, chosen by what training rows say of the target.


_TRACE = 1e-6  # of ridge, where the variance of a column is 1
_STEPS = 10  # of a lasso path, a column: one as it enters, and one for each time that it leaves


class AllConfig(Config):
    """Every column."""

    kind: Literal["all"] = "all"

    def count_of(self, inputs: int) -> int:
        """How many of so many columns are chosen."""
        return inputs

    def choose(self, x: Tensor, y: Tensor, names: Sequence[str]) -> Tensor:
        """(D,) int64: all columns of x (N, D)."""
        return torch.arange(x.shape[1], device=x.device)


class _ScoredConfig(Config, ABC):
    """So many columns of the largest score; those that do not vary come last."""

    count: int = Field(ge=1, description="columns that are chosen")

    def count_of(self, inputs: int) -> int:
        """How many of so many columns are chosen.

        Raises:
            UserError: more than there are.
        """
        if self.count > inputs:
            raise UserError(
                f"model.columns.count={self.count}, but the table has {inputs} columns: "
                f"set it to {inputs} or less"
            )
        return self.count

    def choose(self, x: Tensor, y: Tensor, names: Sequence[str]) -> Tensor:
        """Of columns of the same score the first.

        Args:
            x: (N, D) float64 training rows.
            y: (N,) float64 target.
            names: of the columns; not asked for here.

        Returns:
            (count,) int64, ascending.

        Raises:
            UserError: more columns are wanted than there are, or an extra is missing.
        """
        count = self.count_of(x.shape[1])
        scores = torch.where(varies(x), self._scores(x, y), -torch.inf)
        return scores.argsort(descending=True, stable=True)[:count].sort().values

    @abstractmethod
    def _scores(self, x: Tensor, y: Tensor) -> Tensor:
        """(D,) float64, larger is better."""


class CorrelationConfig(_ScoredConfig):
    """The columns of the largest absolute Pearson correlation with the target."""

    kind: Literal["correlation"] = "correlation"

    def _scores(self, x: Tensor, y: Tensor) -> Tensor:
        return (_standardised(x).mT @ _standardised(y)).abs()


class MutualInformationConfig(_ScoredConfig):
    """The columns of the largest mutual information with the target, each taken by itself.

    It is estimated from nearest neighbours (Kraskov et al. 2004, Ross 2014), as scikit-learn does.
    """

    kind: Literal["mutual-information"] = "mutual-information"

    def _scores(self, x: Tensor, y: Tensor) -> Tensor:
        from bossline.models.tabular.optional import mutual_info_regression

        # The estimate breaks ties of values by noise; always the same here.
        scores = mutual_info_regression(x.cpu().numpy(), y.cpu().numpy(), random_state=0)
        return torch.from_numpy(scores).to(x)


class LassoConfig(_ScoredConfig):
    """The first columns to enter the lasso path (Efron et al. 2004) of standardised columns.

    A column enters for what it adds to those that are in. Columns that never enter are taken in
    their order, after all others.
    """

    kind: Literal["lasso"] = "lasso"

    def _scores(self, x: Tensor, y: Tensor) -> Tensor:
        from bossline.models.tabular.optional import ConvergenceWarning, lars_path

        rows, columns = x.shape
        # Collinear columns derail lars_path; rows that stand for a ridge penalty keep them apart.
        ridge = np.sqrt(_TRACE * rows) * np.eye(columns)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it stopped early, near the end
            _, _, path = lars_path(
                np.concatenate([_standardised(x).cpu().numpy(), ridge]),
                np.concatenate([_standardised(y).cpu().numpy(), np.zeros(columns)]),
                method="lasso",
                max_iter=_STEPS * columns,
            )
        inside = path != 0  # (D, steps)
        entry = np.where(inside.any(1), inside.argmax(1), inside.shape[1])
        return -torch.from_numpy(entry).to(x)


class NamedConfig(Config):
    """Columns chosen by hand."""

    kind: Literal["named"] = "named"
    names: tuple[str, ...] = Field(
        min_length=1, description="of the columns, as the table has them"
    )

    @field_validator("names")
    @classmethod
    def _once_each(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"'{twice}' stands there more than once: name each column once")
        return names

    def count_of(self, inputs: int) -> int:
        """How many of so many columns are chosen."""
        return len(self.names)

    def choose(self, x: Tensor, y: Tensor, names: Sequence[str]) -> Tensor:
        """
        Args:
            x, y: training rows and target; not asked for here.
            names: of the columns of x.

        Returns:
            (k,) int64, ascending.

        Raises:
            UserError: a name that is no column.
        """
        places = {name: place for place, name in enumerate(names)}
        for name in self.names:
            if name not in places:
                raise UserError(
                    f"model.columns.names: the table has no column '{name}'; "
                    f"{did_you_mean(name, names)}"
                )
        return torch.tensor(sorted(places[name] for name in self.names), device=x.device)


ColumnsConfig = Annotated[
    AllConfig | CorrelationConfig | MutualInformationConfig | LassoConfig | NamedConfig,
    Field(discriminator="kind"),
]


def _standardised(x: Tensor) -> Tensor:
    mean, scale = mean_and_scale(x)
    return (x - mean) / scale
