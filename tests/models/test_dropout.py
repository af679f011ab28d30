from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bossline.models.layers import Dropout


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9])
def test_rate_and_expectation(p: float) -> None:
    torch.manual_seed(0)
    x = torch.ones(1000, 513)
    y = Dropout(p)(x)
    rounded = round(p * 256) / 256
    assert y.unique().tolist() == pytest.approx([0, 1 / (1 - rounded)])
    error = np.sqrt(rounded * (1 - rounded) / x.numel())
    assert float((y == 0).double().mean()) == pytest.approx(rounded, abs=5 * error)


def test_neighbours_are_independent() -> None:
    """Bytes of one 64-bit draw must not know of each other: chi-squared over patterns of eight."""
    torch.manual_seed(1)
    zeros = (Dropout(0.5)(torch.ones(200_000, 8)) == 0).numpy()
    patterns = np.bincount(np.packbits(zeros, axis=1).ravel(), minlength=256)
    assert stats.chisquare(patterns).pvalue > 1e-3


@given(shape=st.lists(st.integers(1, 7), min_size=1, max_size=3), p=st.floats(0, 0.99))
def test_gradient_passes_where_the_number_did(shape: list[int], p: float) -> None:
    x = torch.ones(shape, requires_grad=True)
    y = Dropout(p)(x)
    y.sum().backward()
    assert y.shape == x.shape
    torch.testing.assert_close(x.grad, y.detach())


def test_the_seed_decides_and_evaluation_changes_nothing() -> None:
    x, layer = torch.randn(40, 40), Dropout(0.3)
    outputs = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        outputs.append(layer(x))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
    assert torch.equal(layer.eval()(x), x)
