from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossline.evaluation.comparison import Comparison, holm_adjusted
from bossline.evaluation.intervals import Interval


def comparison(p: float) -> Comparison:
    verdict = "better" if p <= 0.05 else "no evidence of a difference"
    return Comparison.model_validate(
        {"difference": Interval(value=0.1, low=0.05, high=0.2), "p": p, "verdict": verdict}
    )


def test_equals_a_computation_by_hand() -> None:
    found = holm_adjusted([comparison(p) for p in (0.01, 0.04, 0.03, 0.005)])
    # 4 x 0.005, 3 x 0.01, 2 x 0.03, and 1 x 0.04, which may not fall below 0.06
    assert [one.p for one in found] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [one.verdict for one in found] == [
        "better",
        "no evidence of a difference",
        "no evidence of a difference",
        "better",
    ]
    assert found[0].difference == comparison(0.01).difference


@given(st.lists(st.floats(0, 1), max_size=7))
def test_is_the_closed_test_of_bonferroni(ps: list[float]) -> None:
    """Holm's p is the greatest Bonferroni p of any set of hypotheses that it is one of."""
    found = holm_adjusted([comparison(p) for p in ps])
    for k, one in enumerate(found):
        sets = [
            chosen
            for size in range(1, len(ps) + 1)
            for chosen in combinations(range(len(ps)), size)
            if k in chosen
        ]
        greatest = max(min(1, len(chosen) * min(ps[j] for j in chosen)) for chosen in sets)
        assert one.p == pytest.approx(greatest)


def test_one_comparison_stays_as_it_is() -> None:
    assert holm_adjusted([comparison(0.03)]) == [comparison(0.03)]
    assert holm_adjusted([]) == []
