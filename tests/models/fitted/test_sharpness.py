"""The scale of logits against scipy's minimum, and a brute-force hold-out of the speaker LDA."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from bossline.models.fitted.discriminant import likeliest_scale


@settings(max_examples=20)
@given(st.integers(0, 99), st.floats(0.5, 80))
def test_it_is_where_scipy_finds_the_least_loss(seed: int, too_sure: float) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(5, size=200)
    logits = too_sure * (rng.normal(size=(200, 5)) + 1.5 * np.eye(5)[labels])

    def loss(log_scale: float) -> float:
        chosen = log_softmax(np.exp(log_scale) * logits, axis=1)[np.arange(200), labels]
        return -float(chosen.mean())

    bounds = np.log([1e-3, 1])
    least = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-9})
    found = likeliest_scale(torch.from_numpy(logits), torch.from_numpy(labels))
    assert found == pytest.approx(float(np.exp(least.x)), rel=1e-4)


def test_a_class_that_is_ruled_out_changes_nothing() -> None:
    torch.manual_seed(0)
    logits, labels = 3 * torch.randn(50, 3), torch.randint(3, (50,))
    logits[torch.arange(50), labels] += 3
    wider = torch.cat([logits, torch.full((50, 1), -torch.inf)], dim=1)
    assert likeliest_scale(wider, labels) == pytest.approx(likeliest_scale(logits, labels))
