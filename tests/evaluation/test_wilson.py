from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from bossline.evaluation.intervals import wilson_interval


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_is_the_score_interval(trials: tuple[int, int]) -> None:
    hits, count = trials
    found = wilson_interval(hits, count)
    expected = binomtest(hits, count).proportion_ci(0.95, method="wilson")
    assert found.value == hits / count
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1
