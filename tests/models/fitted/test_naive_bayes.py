"""Gaussian naive Bayes against scikit-learn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.naive_bayes import GaussianNB

from bossline.core.errors import UserError
from bossline.models.fitted.naive_bayes import NaiveBayes, NaiveBayesConfig

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

CLASSES, DIMS = 4, 6


def points(seed: int = 0, count: int = 300, level: float = 0.0) -> tuple[Floats, Ints]:
    """Classes of different spread, some dimensions a thousand times as wide as others."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(CLASSES), rng.integers(0, CLASSES, count - CLASSES)])
    spreads = rng.uniform(0.3, 3, size=(CLASSES, DIMS)) * 10.0 ** rng.integers(-2, 2, DIMS)
    centres = rng.normal(size=(CLASSES, DIMS)) * spreads.mean(0)
    x = centres[labels] + spreads[labels] * rng.normal(size=(count, DIMS)) + level
    return x.astype(np.float32), labels


def fitted(
    x: Floats,
    labels: Ints,
    classes: int = CLASSES,
    cuts: tuple[int, ...] = (),
    var_smoothing: float = 1e-9,
) -> NaiveBayes:
    model = NaiveBayesConfig(var_smoothing=var_smoothing).build(x.shape[1], classes)
    batches = [rows for rows in np.split(np.arange(len(x)), sorted(cuts)) if len(rows)]
    model.fit([(torch.from_numpy(x[rows]), torch.from_numpy(labels[rows])) for rows in batches])
    return model


@torch.no_grad()
def posteriors(model: NaiveBayes, x: Floats) -> npt.NDArray[np.float64]:
    return np.asarray(model(torch.from_numpy(x)).double().exp().numpy())


@settings(max_examples=30)
@given(
    seed=st.integers(0, 99),
    cuts=st.lists(st.integers(0, 300), max_size=5),
    var_smoothing=st.sampled_from([1e-9, 1e-3, 1.0]),
    level=st.sampled_from([0.0, 1e3]),
)
def test_posteriors_are_those_of_scikit_learn(
    seed: int, cuts: list[int], var_smoothing: float, level: float
) -> None:
    x, labels = points(seed, level=level)
    reference = GaussianNB(var_smoothing=var_smoothing).fit(x.astype(np.float64), labels)
    model = fitted(x, labels, cuts=tuple(cuts), var_smoothing=var_smoothing)
    np.testing.assert_allclose(model.means.detach().numpy(), reference.theta_, rtol=1e-10)
    np.testing.assert_allclose(model.variances.detach().numpy(), reference.var_, rtol=1e-7)
    expected = reference.predict_proba(x.astype(np.float64))
    np.testing.assert_allclose(posteriors(model, x), expected, atol=1e-6)


def test_the_floor_keeps_a_constant_dimension_harmless() -> None:
    """A dimension that does not vary, and a class of a single vector."""
    x, labels = points()
    x[:, 2] = 7
    labels[labels == 3] = 2
    labels[0] = 3
    reference = GaussianNB().fit(x.astype(np.float64), labels)
    expected = reference.predict_proba(x.astype(np.float64))
    np.testing.assert_allclose(posteriors(fitted(x, labels), x), expected, atol=1e-6)


def test_a_class_without_vectors_gets_no_probability() -> None:
    x, labels = points()
    seen = GaussianNB().fit(x.astype(np.float64), labels).predict_proba(x.astype(np.float64))
    found = posteriors(fitted(x, labels, CLASSES + 2), x)
    assert (found[:, CLASSES:] == 0).all()
    np.testing.assert_allclose(found[:, :CLASSES], seen, atol=1e-6)


def test_autocast_changes_nothing() -> None:
    x, labels = points()
    model = fitted(x, labels)
    expected = posteriors(model, x)
    with torch.autocast("cpu", torch.bfloat16):
        np.testing.assert_array_equal(posteriors(model, x), expected)


def test_variances_of_zero_are_refused() -> None:
    x, labels = points()
    x[:, 2] = 7
    for wrong, var_smoothing in ((x, 0.0), (np.ones_like(x), 1e-9)):
        with pytest.raises(UserError, match="does not vary within a class"):
            fitted(wrong, labels, var_smoothing=var_smoothing)
