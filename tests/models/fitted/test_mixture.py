"""The mixture against scikit-learn's, its statistics against a loop over frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import settings
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from bossline.batches.padded import Padded
from bossline.models.fitted.mixture import Mixture, MixtureStatistics
from tests.padding import any_padding, padded

Floats = npt.NDArray[np.float64]

COMPONENTS, DIMS = 4, 3


def frames(count: int, dims: int = DIMS, seed: int = 0) -> torch.Tensor:
    """From four clouds, each of another form, in a space that is stretched and turned."""
    rng = np.random.default_rng(seed)
    cloud = rng.integers(4, size=count)
    centres, widths = rng.normal(size=(4, dims)) * 4, rng.uniform(0.3, 2, size=(4, dims))
    mixing = rng.normal(size=(dims, dims)) + 2 * np.eye(dims)
    x = (centres[cloud] + widths[cloud] * rng.normal(size=(count, dims))) @ mixing + 5
    return torch.from_numpy(x).float()


def densities(mixture: Mixture, rotated: npt.NDArray[Any]) -> Floats:
    """(K, N) shares times densities from scipy."""
    parts = zip(
        mixture.shares.double().numpy(),
        mixture.means.double().numpy(),
        mixture.variances.double().numpy(),
        strict=True,
    )
    return np.stack(
        [
            share * multivariate_normal(mean, np.diag(variance)).pdf(rotated).reshape(len(rotated))
            for share, mean, variance in parts
        ]
    )


def fitted(x: torch.Tensor, components: int = COMPONENTS) -> Mixture:
    mixture = Mixture(x.shape[1], components)
    mixture.fit(x)
    return mixture


def test_principal_components_are_uncorrelated_and_of_variance_one() -> None:
    x = frames(500)
    rotated = fitted(x).rotated(x).double().numpy()
    np.testing.assert_allclose(np.cov(rotated.T, bias=True), np.eye(DIMS), atol=1e-4)


def test_it_ends_where_scikit_learn_does_from_the_same_beginning() -> None:
    x = frames(3000)
    mixture = fitted(x)
    rotated = mixture.rotated(x).numpy()
    reference = GaussianMixture(
        COMPONENTS,
        covariance_type="diag",
        reg_covar=0,
        tol=1e-3,
        max_iter=40,
        weights_init=np.full(COMPONENTS, 1 / COMPONENTS),
        means_init=rotated[[0, 1854, 708, 2562]],  # spread by the golden ratio
        precisions_init=np.ones((COMPONENTS, DIMS)),
    ).fit(rotated)
    assert reference.converged_
    np.testing.assert_allclose(mixture.means, reference.means_, atol=0.02)
    np.testing.assert_allclose(mixture.variances, reference.covariances_, atol=0.02)
    np.testing.assert_allclose(mixture.shares, reference.weights_, atol=0.01)
    likelihood = np.log(densities(mixture, rotated).sum(0)).mean()
    assert likelihood == pytest.approx(reference.score(rotated), abs=2e-3)


def test_a_constant_dimension_and_more_gaussians_than_frames_stay_finite() -> None:
    x = frames(10)
    x[:, 1] = 300.1
    mixture = fitted(x, components=16)
    found = mixture.posteriors(mixture.rotated(x))
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found.sum(1), torch.ones(10))


def statistics(deltas: int = 0) -> MixtureStatistics:
    result = MixtureStatistics(DIMS, COMPONENTS)
    x = frames(600, DIMS + deltas)
    result.fit([Padded.of(x.view(12, 50, -1), torch.full((12,), 50))])
    return result


def by_hand(mixture: Mixture, x: torch.Tensor) -> Floats:
    """Shifts of the Gaussians' means and log shares, densities from scipy."""
    rotated = mixture.rotated(x).double().numpy()
    means, variances = mixture.means.double().numpy(), mixture.variances.double().numpy()
    joint = densities(mixture, rotated)
    posteriors = joint / joint.sum(0)
    counts = posteriors.sum(1)
    shifts = [
        sum(p * (frame - means[k]) for p, frame in zip(posteriors[k], rotated, strict=True))
        / (counts[k] + 8)
        / np.sqrt(variances[k])
        for k in range(COMPONENTS)
    ]
    shares = np.log((counts + 1) / (len(x) + COMPONENTS))
    return np.concatenate([*shifts, shares])


@pytest.mark.parametrize("length", [1, 2, 40])
def test_statistics_are_those_of_a_loop_over_frames(length: int) -> None:
    described = statistics()
    x = frames(length, seed=1)
    found = described(Padded.of(x.unsqueeze(0), torch.tensor([length])))
    assert found.shape == (1, described.outputs)
    np.testing.assert_allclose(found[0], by_hand(described.mixture, x), atol=2e-4)


@settings(max_examples=25)
@any_padding
def test_every_utterance_gets_what_it_gets_alone(
    lengths: list[int], beyond: int, padding: float
) -> None:
    described = statistics()
    utterances = [frames(length, seed=length) for length in lengths]
    found = described(padded(utterances, beyond, padding))
    for row, utterance in zip(found.numpy(), utterances, strict=True):
        np.testing.assert_allclose(row, by_hand(described.mixture, utterance), atol=2e-4)


def test_deltas_are_not_heard() -> None:
    described = statistics(deltas=6)
    x = frames(20, DIMS + 6, seed=1)
    batch = Padded.of(x.unsqueeze(0), torch.tensor([20]))
    other = batch.with_frames(torch.cat([x[:, :DIMS], -x[:, DIMS:]], dim=1).unsqueeze(0))
    torch.testing.assert_close(described(other), described(batch), rtol=0, atol=0)


def test_it_is_fitted_to_frames_spread_over_each_utterance() -> None:
    """Twenty of a long one, all of a short one, none of the padding."""
    x = torch.arange(120.0).view(2, 60, 1)
    described = MixtureStatistics(1, 2)
    described.fit([Padded.of(x, torch.tensor([60, 7]))])
    heard = torch.cat([x[0, ::3, 0], x[1, :7, 0]])
    expected = fitted(heard.unsqueeze(1), components=2)
    torch.testing.assert_close(described.mixture.state_dict(), expected.state_dict())


def test_autocast_leaves_it_in_float32() -> None:
    described = statistics()
    batch = Padded.of(frames(50, seed=1).unsqueeze(0), torch.tensor([50]))
    expected = described(batch)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(described(batch), expected, rtol=0, atol=0)
