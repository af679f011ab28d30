"""QDA against scikit-learn, Gaussian densities, and LDA where it comes to the same."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.special import log_softmax
from scipy.stats import multivariate_normal
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

from bossline.core.errors import UserError
from bossline.models.fitted.discriminant import LdaConfig
from bossline.models.fitted.quadratic import QdaConfig

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def points(classes: int = 3, dims: int = 4, count: int = 400) -> tuple[Floats, Ints]:
    """Classes of unlike covariances that overlap, far from the origin, as float32 holds them."""
    rng = np.random.default_rng([classes, dims])
    labels = rng.integers(0, classes, count)
    mixing = np.eye(dims) + 0.5 * rng.normal(size=(classes, dims, dims))
    centres = rng.normal(size=(classes, dims)) + 30
    noise = rng.normal(size=(count, 1, dims))
    x = centres[labels] + (noise @ mixing[labels])[:, 0]
    return x.astype(np.float32).astype(np.float64), labels


@torch.no_grad()
def log_posteriors(config: QdaConfig | LdaConfig, x: Floats, labels: Ints, classes: int) -> Floats:
    model = config.build(x.shape[1], classes)
    rows, known = torch.tensor(x).float(), torch.tensor(labels)
    cuts = [0, 7, 150, len(rows)]
    model.fit([(rows[a:b], known[a:b]) for a, b in pairwise(cuts)])
    return np.asarray(model(rows).double().log_softmax(1).numpy())


def test_it_is_that_of_scikit_learn() -> None:
    """Some versions of which divide by n - 1: they get vectors that lie closer by as much."""
    x, labels = points()
    theirs = QuadraticDiscriminantAnalysis(store_covariance=True).fit(x, labels)
    scaled = x.copy()
    for label in range(3):
        own = x[labels == label]
        excess = np.trace(theirs.covariance_[label]) / np.trace(np.cov(own.T, bias=True))
        scaled[labels == label] = own.mean(0) + (own - own.mean(0)) / np.sqrt(excess)
    expected = theirs.fit(scaled, labels).predict_log_proba(x)
    assert np.allclose(log_posteriors(QdaConfig(), x, labels, 3), expected, atol=1e-4)


@pytest.mark.parametrize(("pooled", "shrinkage"), [(0.0, 0.0), (0.3, 0.0), (0.3, 0.6), (0.0, 1.0)])
def test_it_is_bayes_rule_of_gaussian_densities(pooled: float, shrinkage: float) -> None:
    x, labels = points()
    own = [np.cov(x[labels == label].T, bias=True) for label in range(3)]
    priors = np.bincount(labels) / len(labels)
    shared = sum(prior * covariance for prior, covariance in zip(priors, own, strict=True))
    joint = []
    for label in range(3):
        covariance = (1 - pooled) * own[label] + pooled * shared
        covariance = (1 - shrinkage) * covariance + shrinkage * np.diag(np.diag(covariance))
        mean = x[labels == label].mean(0)
        joint.append(np.log(priors[label]) + multivariate_normal.logpdf(x, mean, covariance))
    config = QdaConfig(pooled=pooled, shrinkage=shrinkage)
    expected = log_softmax(np.stack(joint, 1), axis=1)
    assert np.allclose(log_posteriors(config, x, labels, 3), expected, atol=1e-4)


def test_all_pooled_it_is_lda() -> None:
    x, labels = points()
    ours = log_posteriors(QdaConfig(pooled=1), x, labels, 3)
    assert np.allclose(ours, log_posteriors(LdaConfig(), x, labels, 3), atol=1e-3)


def test_a_class_without_vectors_is_never_the_answer() -> None:
    x, labels = points()
    found = log_posteriors(QdaConfig(), x, labels, 5)
    assert (found[:, 3:] == -np.inf).all()
    assert np.allclose(np.exp(found).sum(1), 1)


def test_too_few_vectors_are_refused_unless_covariances_are_pooled() -> None:
    x, labels = points(dims=4)
    few = np.concatenate([np.flatnonzero(labels != 2), np.flatnonzero(labels == 2)[:3]])
    with pytest.raises(
        UserError, match=r"the vectors of 1 of 3 classes are too few.*model\.pooled"
    ):
        log_posteriors(QdaConfig(), x[few], labels[few], 3)
    assert np.isfinite(log_posteriors(QdaConfig(pooled=0.5), x[few], labels[few], 3)).all()
