from __future__ import annotations

import warnings

import numpy as np
import torch
from scipy.stats import norm
from sklearn.mixture import GaussianMixture

from bossline.tasks.labelling.mixtures import Counts, Mixtures


def drawn(seed: int, states: int = 3, count: int = 2, dim: int = 4) -> Mixtures:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(count), states)
    return Mixtures(
        torch.tensor(shares, dtype=torch.float32),
        torch.tensor(rng.normal(size=(states, count, dim)), dtype=torch.float32),
        torch.tensor(rng.uniform(0.3, 2, (states, count, dim)), dtype=torch.float32),
        torch.full((states,), 0.5),
    )


def test_log_likelihoods_are_those_of_normal_densities() -> None:
    model = drawn(1)
    frames = np.random.default_rng(2).normal(size=(7, 4))
    found = model.log_joint(torch.tensor(frames, dtype=torch.float32))
    deviations = model.variances.sqrt().numpy()
    logs = norm.logpdf(frames[:, None, None], model.means.numpy(), deviations).sum(-1)
    np.testing.assert_allclose(found, logs + np.log(model.shares.numpy()), rtol=1e-4, atol=1e-4)


def test_a_step_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    frames = rng.normal(size=(400, 4)).astype(np.float32)
    model = drawn(4, states=1)
    counts = Counts(model)
    joint = model.log_joint(torch.from_numpy(frames))
    counts.add(torch.from_numpy(frames), joint, torch.ones(400, 1), torch.tensor([100.0]))
    found = counts.estimate()
    shares = model.shares[0].double().numpy()
    other = GaussianMixture(
        2, covariance_type="diag", max_iter=1, reg_covar=0, tol=0,
        weights_init=shares / shares.sum(),
        means_init=model.means[0].double().numpy(),
        precisions_init=1 / model.variances[0].double().numpy(),
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that one step is not enough
        other.fit(frames.astype(np.float64))
    np.testing.assert_allclose(found.shares[0], other.weights_, rtol=1e-3)
    np.testing.assert_allclose(found.means[0], other.means_, atol=1e-3)
    np.testing.assert_allclose(found.variances[0], other.covariances_, rtol=1e-3)
    assert found.stay.tolist() == [0.75]  # left 100 times in 400 frames


def test_halves_are_together_what_was_whole() -> None:
    model = drawn(5)
    halved = model.halved()
    assert halved.shares.shape == (3, 4)
    torch.testing.assert_close(halved.shares.sum(1), torch.ones(3))
    torch.testing.assert_close((halved.means[:, :2] + halved.means[:, 2:]) / 2, model.means)


def test_a_state_nobody_was_in_stays_as_it_was() -> None:
    model = drawn(6)
    counts = Counts(model)
    frames = torch.randn(50, 4)
    likely = torch.zeros(50, 3)
    likely[:, 0] = 1
    counts.add(frames, model.log_joint(frames), likely, torch.tensor([5.0, 0.0, 0.0]))
    found = counts.estimate()
    assert torch.equal(found.means[1:], model.means[1:])
    assert torch.equal(found.stay[1:], model.stay[1:])
    assert all(torch.isfinite(one).all() for one in (found.shares, found.variances, found.means))
