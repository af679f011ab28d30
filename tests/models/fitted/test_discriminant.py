"""LDA against scikit-learn, and against Gaussian densities where scikit-learn has no such thing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import multivariate_normal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from bossline.core.errors import UserError
from bossline.models.fitted.discriminant import Discriminant
from bossline.models.fitted.sums import ClassMoments

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CLOSE = 5e-6  # of probabilities from float32 logits


def points(shares: tuple[float, ...], dims: int, count: int = 300) -> tuple[Floats, Ints]:
    """Correlated classes that overlap, as float32 holds them; shares of 0 make empty classes."""
    rng = np.random.default_rng([dims, len(shares)])
    labels = np.repeat(np.arange(len(shares)), np.round(np.array(shares) * count).astype(int))
    mixing = np.eye(dims) + 0.4 * rng.normal(size=(dims, dims))
    centres = rng.normal(size=(len(shares), dims))
    x = (centres[labels] + rng.normal(size=(len(labels), dims))) @ mixing + 3
    shuffled = rng.permutation(len(x))
    return x[shuffled].astype(np.float32).astype(np.float64), labels[shuffled]


def solved(
    x: Floats, labels: Ints, classes: int, shrinkage: float = 0, cuts: tuple[int, ...] = ()
) -> Discriminant:
    moments = ClassMoments(classes)
    for rows in np.split(np.arange(len(x)), sorted(cuts)):
        if len(rows):
            moments.add(torch.tensor(x[rows]).float(), torch.tensor(labels[rows]))
    torch.manual_seed(0)
    discriminant = Discriminant(x.shape[1], classes)
    discriminant.solve(moments, shrinkage)
    return discriminant


@torch.no_grad()
def posteriors(discriminant: Discriminant, x: Floats) -> Floats:
    return np.asarray(discriminant(torch.tensor(x).float()).double().softmax(1).numpy())


def within(x: Floats, labels: Ints) -> Floats:
    centred = x.copy()
    for label in np.unique(labels):
        centred[labels == label] -= x[labels == label].mean(0)
    return centred.T @ centred / len(x)


def gaussian_posteriors(x: Floats, labels: Ints, covariance: Floats) -> Floats:
    """Bayes' rule with densities from scipy."""
    logs = [
        np.log((labels == label).mean())
        + multivariate_normal(x[labels == label].mean(0), covariance).logpdf(x)
        for label in np.unique(labels)
    ]
    return np.asarray(softmax(np.stack(logs, axis=1), axis=1))


@pytest.mark.parametrize("dims", [1, 2, 6])
@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.9, 0.1), (0.1, 0.2, 0.3, 0.4)])
def test_posteriors_are_those_of_scikit_learn(shares: tuple[float, ...], dims: int) -> None:
    x, labels = points(shares, dims)
    reference = LinearDiscriminantAnalysis(solver="lsqr").fit(x, labels).predict_proba(x)
    ours = posteriors(solved(x, labels, len(shares)), x)
    np.testing.assert_allclose(ours, reference, atol=CLOSE)


@pytest.mark.parametrize("shrinkage", [0.0, 0.3, 1.0])
def test_shrinkage_moves_the_covariance_to_its_diagonal(shrinkage: float) -> None:
    x, labels = points((0.2, 0.3, 0.5), 5)
    covariance = within(x, labels)
    shrunk = (1 - shrinkage) * covariance + shrinkage * np.diag(np.diag(covariance))
    ours = posteriors(solved(x, labels, 3, shrinkage), x)
    np.testing.assert_allclose(ours, gaussian_posteriors(x, labels, shrunk), atol=CLOSE)


def test_fewer_vectors_than_dimensions_are_enough_with_shrinkage() -> None:
    x, labels = points((0.5, 0.5), 30, count=12)
    covariance = within(x, labels)
    shrunk = 0.5 * covariance + 0.5 * np.diag(np.diag(covariance))
    ours = posteriors(solved(x, labels, 2, 0.5), x)
    np.testing.assert_allclose(ours, gaussian_posteriors(x, labels, shrunk), atol=1e-5)


def test_redundant_columns_change_nothing() -> None:
    x, labels = points((0.2, 0.3, 0.5), 4)
    expected = posteriors(solved(x, labels, 3), x)
    constant = np.full((len(x), 1), 7.1, np.float32).astype(np.float64)
    for more in ([x], [x[:, :1], constant], [constant, 2 * x[:, 1:3]]):
        wider = np.concatenate([x, *more], axis=1)
        np.testing.assert_allclose(
            posteriors(solved(wider, labels, 3), wider), expected, atol=CLOSE
        )


def test_the_unit_of_a_column_changes_nothing() -> None:
    x, labels = points((0.2, 0.3, 0.5), 4)
    units = 2.0 ** np.array([-40, 0, 3, 40])  # exact in float32
    for shrinkage in (0.0, 0.4):
        expected = posteriors(solved(x, labels, 3, shrinkage), x)
        ours = posteriors(solved(x * units, labels, 3, shrinkage), x * units)
        np.testing.assert_allclose(ours, expected, atol=CLOSE)


@pytest.mark.parametrize("distance", [1.0, 100.0])
def test_a_class_without_vectors_gets_no_probability(distance: float) -> None:
    """Nor where all others are far away: in the middle between two."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 2], 50)
    x = (rng.normal(size=(100, 3)) + distance * (labels - 1)[:, None]).astype(np.float32)
    discriminant = solved(x.astype(np.float64), labels, 4)
    anywhere = np.concatenate([x, np.zeros((1, 3)), x.mean(0, keepdims=True)])
    found = posteriors(discriminant, anywhere)
    assert (found[:, [1, 3]] == 0).all()
    np.testing.assert_allclose(found.sum(1), 1)


def test_nearest_mean_of_embeddings_decides() -> None:
    """The embedding is such that a class is a unit sphere around its mean."""
    shares = (0.05, 0.15, 0.3, 0.5)
    x, labels = points(shares, 6)
    discriminant = solved(x, labels, 4)
    with torch.no_grad():
        embedded = discriminant.embed(torch.tensor(x).float()).double().numpy()
    assert embedded.shape == (len(x), 3)
    np.testing.assert_allclose(within(embedded, labels), np.eye(3), atol=1e-5)
    means = np.stack([embedded[labels == label].mean(0) for label in range(4)])
    distances = np.square(embedded[:, None] - means).sum(2)
    priors = np.bincount(labels) / len(labels)
    decided = (np.log(priors) - distances / 2).argmax(1)
    np.testing.assert_array_equal(posteriors(discriminant, x).argmax(1), decided)


@settings(max_examples=40)
@given(cuts=st.lists(st.integers(0, 300), max_size=12), shrinkage=st.sampled_from([0.0, 0.2]))
def test_how_the_data_are_cut_into_batches_changes_nothing(
    cuts: list[int], shrinkage: float
) -> None:
    x, labels = points((0.2, 0.3, 0.5), 4)
    whole = posteriors(solved(x, labels, 3, shrinkage), x)
    cut = posteriors(solved(x, labels, 3, shrinkage, tuple(cuts)), x)
    np.testing.assert_allclose(cut, whole, atol=CLOSE)


def test_autocast_leaves_it_in_float32() -> None:
    x, labels = points((0.2, 0.3, 0.5), 4)
    discriminant = solved(x, labels, 3)
    expected = posteriors(discriminant, x)
    with torch.autocast("cpu", torch.bfloat16):
        np.testing.assert_array_equal(posteriors(discriminant, x), expected)


def test_classes_that_do_not_spread_are_refused() -> None:
    """A vector a class, or the same one again and again."""
    x, labels = points((0.25, 0.25, 0.5), 4, count=4)
    for kept in ([0, 1, 2], [0, 0, 1, 1]):
        once = np.array([x[labels == label][0] for label in range(3)])[kept]
        with pytest.raises(UserError, match="no two training vectors of one class differ"):
            solved(once, np.array(kept), 3)
