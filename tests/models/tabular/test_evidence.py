"""Evidence and weights, against the full covariance of all rows and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import DotProduct
from torch import Tensor

from bossline.models.tabular.ridge import Grouped, Posterior, Variances, most_likely


def drawn(
    seed: int, count: int, groups: int, columns: int
) -> tuple[Tensor, Tensor, Tensor, Variances]:
    """Rows of groups of any size, in any order, and variances from small to large."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.concatenate([np.arange(groups), rng.integers(0, groups, count)]))
    x, y = rng.normal(size=(len(group), columns)), rng.normal(size=len(group))

    def variances(size: int) -> Tensor:
        return torch.from_numpy(10 ** rng.uniform(-2, 1, size))

    found = Variances(variances(columns), variances(columns), variances(groups))
    return torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(group), found


def covariance(x: Tensor, group: Tensor, variances: Variances) -> Tensor:
    """(N, N) of the targets, without their noise."""
    same = group[:, None] == group
    return (x * variances.common) @ x.mT + same * ((x * variances.own) @ x.mT)


cases = st.builds(
    drawn, st.integers(0, 2**32 - 1), st.integers(0, 30), st.integers(1, 5), st.integers(1, 6)
)


@given(cases)
def test_the_evidence_is_the_density_of_all_rows(
    case: tuple[Tensor, Tensor, Tensor, Variances],
) -> None:
    x, y, group, variances = case
    full = covariance(x, group, variances) + variances.noise[group].diag()
    expected = multivariate_normal.logpdf(y, cov=full)
    found = Posterior(Grouped.of(x, y, group), variances).log_evidence
    assert float(found) == pytest.approx(float(expected), rel=1e-8, abs=1e-8)


@given(cases)
def test_weights_predict_as_the_conditional_expectation(
    case: tuple[Tensor, Tensor, Tensor, Variances],
) -> None:
    x, y, group, variances = case
    prior = covariance(x, group, variances)
    expected = prior @ torch.linalg.solve(prior + variances.noise[group].diag(), y)
    common, own = Posterior(Grouped.of(x, y, group), variances).weights()
    torch.testing.assert_close((x * own[group]).sum(1), expected, rtol=1e-6, atol=1e-6)
    cross = (x * variances.common) @ x.mT  # of a row of a group that was never seen
    elsewhere = cross @ torch.linalg.solve(prior + variances.noise[group].diag(), y)
    torch.testing.assert_close(x @ common, elsewhere, rtol=1e-6, atol=1e-6)


def test_one_group_is_a_gaussian_process_with_a_linear_kernel() -> None:
    x, y, _, _ = drawn(0, 40, 1, 3)
    group = torch.zeros(len(x), dtype=torch.int64)
    variances = Variances(torch.full((3,), 0.7), torch.full((3,), 0.3), torch.tensor([0.5]))
    variances = Variances(*(v.double() for v in vars(variances).values()))
    process = GaussianProcessRegressor(DotProduct(0, "fixed"), alpha=0.5, optimizer=None)
    process.fit(x, y)  # variance 1 of each weight: the common one and the own together
    posterior = Posterior(Grouped.of(x, y, group), variances)
    assert float(posterior.log_evidence) == pytest.approx(process.log_marginal_likelihood_value_)
    np.testing.assert_allclose(x @ posterior.weights()[1][0], process.predict(x), rtol=1e-5)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_variances_are_found_again(seed: int) -> None:
    """20 groups of 60 rows: a column's weight is common, their own, or none."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(20), 60)
    x = rng.normal(size=(1200, 3))
    own = rng.normal(size=(20, 1)) * [[0, 0.5, 0]]
    deviations = np.where(np.arange(20) < 10, 0.1, 1.0)
    y = (x * ([0.8, 0, 0] + own[group])).sum(1) + rng.normal(size=1200) * deviations[group]
    rows = Grouped.of(*map(torch.from_numpy, (x, y, group)))
    found = most_likely(rows, torch.tensor([0, 1, 2]))
    assert found.common[0] > 30 * found.common[2]
    assert 0.05 < float(found.own[1]) < 0.7  # 0.25, of 20 draws
    assert found.own[[0, 2]].max() < 0.01
    np.testing.assert_allclose(found.noise.sqrt(), deviations, rtol=0.4)


def test_no_step_aside_is_likelier() -> None:
    x, y, group, _ = drawn(3, 200, 4, 5)
    rows, kinds = Grouped.of(x, y + 2 * x[:, 0], group), torch.tensor([0, 0, 1, 1, 1])
    best = most_likely(rows, kinds)

    def posterior(log_noise: float) -> float:
        """The other log variances stay; the prior on the noise is that of its differences."""
        shifted = Variances(best.common, best.own, best.noise * np.exp(log_noise))
        return float(Posterior(rows, shifted).log_evidence)

    assert posterior(0) >= max(posterior(-0.1), posterior(0.1))
