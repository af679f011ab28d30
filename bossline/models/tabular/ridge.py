"""Weights that differ from group to group, with the variances that make the targets likeliest.

The model (Laird and Ware 1982; as a multilevel model, Gelman and Hill 2007) of row x in group g is
y = x (w + u_g) + e with w_j ~ N(0, common_j), u_gj ~ N(0, own_j) and e ~ N(0, noise_g). All
variances are learnt by the evidence, the probability of the targets once w and u are integrated
out: a column that says nothing loses its weight (automatic relevance determination, MacKay 1994),
groups that are alike lose what sets them apart, and noisy groups count less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from bossline.models.tabular.base import FittedTable, PolynomialConfig

_STEPS = 60  # of L-BFGS; further ones change no prediction that counts
_COMMON, _OWN, _NOISE = -5.0, -7.0, -4.0  # log variances to start from, of a target of variance 1
_WIDTH = 4.0  # of the normal prior on a log variance: broad, but where nothing is said it holds
_NOISE_WIDTH = 3.0  # of the same on a group's noise, around the mean of all groups


@dataclass(frozen=True)
class Grouped:
    """Rows side by side, group by group, filled up with zeros: x (G, M, k), y (G, M)."""

    x: Tensor
    y: Tensor
    filled: Tensor  # (G, M) True where there is a row

    @classmethod
    def of(cls, x: Tensor, y: Tensor, groups: Tensor) -> Grouped:
        """
        Args:
            x: (N, k) float64.
            y: (N,) float64.
            groups: (N,) in 0..G-1, each of which has a row.
        """
        members = [groups == group for group in range(int(groups.max()) + 1)]
        filled = pad_sequence([groups.new_ones(int(m.sum())) for m in members], batch_first=True)
        return cls(
            pad_sequence([x[m] for m in members], batch_first=True),
            pad_sequence([y[m] for m in members], batch_first=True),
            filled.bool(),
        )


@dataclass(frozen=True)
class Variances:
    """Of the common weights (k,), of what a group adds to each (k,), and of groups' noise (G,)."""

    common: Tensor
    own: Tensor
    noise: Tensor


class Posterior:
    """What the rows say of the weights, given the variances.

    The groups' own weights are integrated out in the space of the few rows of a group, the common
    ones in the space of columns, so that the cost is linear in the number of groups.
    """

    def __init__(self, rows: Grouped, variances: Variances) -> None:
        self._rows, self._variances = rows, variances
        noise = torch.where(rows.filled, variances.noise[:, None], 1)
        own = (rows.x * variances.own) @ rows.x.mT + noise.diag_embed()
        self._within = torch.linalg.cholesky(own)
        both = torch.cat([rows.x, rows.y[..., None]], 2)
        white = torch.linalg.solve_triangular(self._within, both, upper=False).flatten(0, 1)
        x, self._y = white[:, :-1], white[:, -1]
        self._root = variances.common.sqrt()
        scaled = x * self._root
        identity = torch.eye(scaled.shape[1]).to(scaled)
        self._between = torch.linalg.cholesky(scaled.mT @ scaled + identity)
        self._pull = (scaled.mT @ self._y)[:, None]

    @property
    def log_evidence(self) -> Tensor:
        """The log density of all targets, a scalar."""
        explained = torch.linalg.solve_triangular(self._between, self._pull, upper=False)
        squares = self._y.square().sum() - explained.square().sum()
        halves = [factor.diagonal(dim1=-2, dim2=-1) for factor in (self._within, self._between)]
        determinant = sum(half.log().sum() for half in halves)
        constant = 0.5 * math.log(2 * math.pi) * int(self._rows.filled.sum())
        evidence: Tensor = -0.5 * squares - determinant - constant
        return evidence

    def weights(self) -> tuple[Tensor, Tensor]:
        """Means of the common weights w (k,), and of w + u_g, group by group (G, k)."""
        common = self._root * torch.cholesky_solve(self._pull, self._between)[:, 0]
        left = (self._rows.y - self._rows.x @ common)[..., None]
        pulls = self._rows.x.mT @ torch.cholesky_solve(left, self._within)
        return common, common + self._variances.own * pulls[..., 0]


def most_likely(rows: Grouped, kinds: Tensor) -> Variances:
    """The variances of the largest evidence under their priors, by L-BFGS.

    Args:
        rows: columns and targets of about variance 1.
        kinds: (k,) in 0..K-1; columns of a kind share the variance of what groups add.
    """
    x = rows.x
    common = x.new_full((x.shape[2],), _COMMON, requires_grad=True)
    own = x.new_full((int(kinds.max()) + 1,), _OWN, requires_grad=True)
    noise = x.new_full((len(x),), _NOISE, requires_grad=True)
    search = torch.optim.LBFGS(
        [common, own, noise], max_iter=_STEPS, history_size=10, line_search_fn="strong_wolfe"
    )

    def variances() -> Variances:
        return Variances(common.exp(), own.exp()[kinds], noise.exp())

    def closure() -> Tensor:
        search.zero_grad()
        far = [(common - _COMMON) / _WIDTH, (own - _OWN) / _WIDTH]
        far.append((noise - noise.mean()) / _NOISE_WIDTH)
        prior = -0.5 * torch.cat(far).square().sum()
        loss = -(Posterior(rows, variances()).log_evidence + prior) / rows.filled.sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    with torch.enable_grad():
        search.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        return variances()


# Linear least squares in closed form.


_ROUNDING = 1e-6  # of the largest singular value; below it is float32 rounding, not data


def least_squares(x: Tensor, y: Tensor, l2: float) -> Tensor:
    """The w that minimises |x w - y|^2 + l2 |w|^2; with l2 = 0 the smallest of them.

    By the singular value decomposition, without the directions in which the rows do not differ but
    for rounding.

    Args:
        x: (N, k) float64, centred.
        y: (N,) float64, centred.

    Returns:
        (k,) float64.
    """
    u, values, v = torch.linalg.svd(x, full_matrices=False)
    kept = values > _ROUNDING * values[0]
    shares = torch.where(kept, values / (values.square() + l2), 0)
    weights: Tensor = v.mT @ (shares * (u.mT @ y))
    return weights


# Linear and ridge regression of a table's rows.


class RidgeConfig(PolynomialConfig):
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
        terms = f"{len(weight):,} terms of " if self.standard.terms is not None else ""
        return f"one pass, {terms}{len(self.standard.chosen)} of {self._inputs} columns"
