"""Sums over batches against numpy over all vectors at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bossline.models.fitted.sums import ClassMoments

DIMS = 3


@settings(max_examples=50)
@given(
    batches=st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=9), min_size=1, max_size=6),
    level=st.sampled_from([0.0, -1e2, 1e6]),
)
def test_moments_are_those_of_all_vectors(batches: list[list[int]], level: float) -> None:
    rng = np.random.default_rng(0)
    moments, classes = ClassMoments(6), 6
    pieces = []
    for batch in batches:
        piece = (rng.normal(size=(len(batch), DIMS)) * [1, 0.5, 30] + level).astype(np.float32)
        pieces.append(piece.astype(np.float64))
        moments.add(torch.from_numpy(piece), torch.tensor(batch))
    x, labels = np.concatenate(pieces), np.concatenate(batches)
    counts = np.bincount(labels, minlength=classes)
    means = np.array([x[labels == c].mean(0) if counts[c] else x.mean(0) for c in range(classes)])
    centred = x - means[labels]
    np.testing.assert_array_equal(moments.counts.numpy(), counts)
    np.testing.assert_allclose(moments.priors.numpy(), counts / len(x))
    np.testing.assert_allclose(moments.means.numpy(), means, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(
        moments.within.numpy(), centred.T @ centred / len(x), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("level", [1e4, 1e7])
def test_far_from_the_origin_the_scatter_stays_exact(level: float) -> None:
    """Steps of 1 at a level where the squares of float32 numbers are steps of far more."""
    rng = np.random.default_rng(0)
    near = rng.integers(-4, 5, size=(400, DIMS)).astype(np.float64)
    labels = np.arange(400) % 2
    moments = ClassMoments(2)
    for rows in np.split(np.arange(400), [3, 100, 101]):
        far = torch.from_numpy(near[rows] + level).float()
        moments.add(far, torch.from_numpy(labels[rows]))
    expected = (np.cov(near[::2].T, bias=True) + np.cov(near[1::2].T, bias=True)) / 2
    np.testing.assert_allclose(moments.within.numpy(), expected, rtol=1e-10, atol=1e-12)
    for label, mean in enumerate(moments.means.numpy()):
        np.testing.assert_allclose(mean, near[label::2].mean(0) + level, rtol=1e-14)
