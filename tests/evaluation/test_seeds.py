"""Comparisons of recipes that were trained from several seeds."""

from __future__ import annotations

from itertools import product
from random import Random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.evaluation.classification import ClassificationScores
from bossline.evaluation.comparison import average_difference, paired_difference
from bossline.evaluation.intervals import RESAMPLES

Ints = npt.NDArray[np.int64]
Case = tuple[Ints, Ints, Ints]


def scores(correct: Ints, lengths: Ints) -> ClassificationScores:
    """Of given hits (U,)."""
    parts = [
        (np.arange(length) >= hits).astype(np.int64)
        for hits, length in zip(correct, lengths, strict=True)
    ]
    names = tuple(f"u{k:03d}" for k in range(len(lengths)))
    true = np.zeros(int(lengths.sum()), np.int64)
    return ClassificationScores.of(names, lengths, true, np.concatenate(parts), classes=2)


def several(correct: Ints, lengths: Ints) -> list[ClassificationScores]:
    return [scores(run, lengths) for run in correct]


@st.composite
def cases(draw: st.DrawFn, seeds: int = 4) -> Case:
    """Hits (S, U) of both sides, and lengths (U,)."""
    generator = np.random.default_rng(draw(st.integers(0, 2**31)))
    lengths = generator.integers(1, 30, draw(st.integers(1, 20)))
    a, b = (
        generator.binomial(
            lengths, draw(st.floats(0, 1)), (draw(st.integers(1, seeds)), len(lengths))
        )
        for _ in range(2)
    )
    return a, b, lengths


@settings(deadline=None, max_examples=25)
@given(cases(seeds=1))
def test_one_seed_a_side_redraws_utterances_only(case: Case) -> None:
    (a,), (b,), lengths = case
    found = paired_difference(scores(a, lengths), scores(b, lengths))
    assert paired_difference([scores(a, lengths)], [scores(b, lengths)]) == found

    count = len(lengths)
    draws = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    redrawn = draws @ (a - b) / (draws @ lengths)
    low, high = np.quantile(redrawn, [0.025, 0.975])
    assert found.difference.value == (a - b).sum() / lengths.sum()
    assert (found.difference.low, found.difference.high) == (low, high)
    rarer = min((redrawn <= 0).sum(), (redrawn >= 0).sum())
    by_signs = 2 / 2 ** np.count_nonzero(a - b)
    assert found.p == min(1, max(2 * (1 + rarer) / (1 + RESAMPLES), by_signs))


@settings(deadline=None, max_examples=25)
@given(cases())
def test_turned_round_it_is_the_mirror_image(case: Case) -> None:
    a, b, lengths = case
    there = paired_difference(several(a, lengths), several(b, lengths))
    back = paired_difference(several(b, lengths), several(a, lengths))
    assert there.difference.value == pytest.approx((a.mean(0) - b.mean(0)).sum() / lengths.sum())
    if sorted(a.tolist()) != sorted(b.tolist()):
        assert back.difference.value == -there.difference.value
        assert back.difference.low == pytest.approx(-there.difference.high, abs=1e-12)
        assert back.difference.high == pytest.approx(-there.difference.low, abs=1e-12)
        assert back.p == there.p


@settings(deadline=None, max_examples=25)
@given(cases(), st.randoms(use_true_random=False))
def test_order_of_seeds_does_not_matter(case: Case, random: Random) -> None:
    a, b, lengths = case
    above, below = several(a, lengths), several(b, lengths)
    found = paired_difference(above, below)
    random.shuffle(above)
    random.shuffle(below)
    assert paired_difference(above, below) == found


@settings(deadline=None, max_examples=25)
@given(cases())
def test_no_difference_from_itself(case: Case) -> None:
    a, _, lengths = case
    found = paired_difference(several(a, lengths), several(a, lengths))
    assert found.difference.value == 0
    assert found.difference.low <= 0 <= found.difference.high
    assert found.verdict == "no evidence of a difference"
    assert found.p > 0.05


def test_interval_is_that_of_all_draws_of_seeds() -> None:
    """Of one utterance only seeds are drawn: then all 27 x 4 draws can be listed."""
    lengths, a, b = np.array([1000]), np.array([600, 640, 700]), np.array([500, 660])
    found = paired_difference(several(a[:, None], lengths), several(b[:, None], lengths))
    listed = [
        np.mean(above) - np.mean(below)
        for above, below in product(product(a, repeat=3), product(b, repeat=2))
    ]
    low, high = np.quantile(listed, [0.025, 0.975]) / 1000
    assert found.difference.low == pytest.approx(low, abs=0.01)
    assert found.difference.high == pytest.approx(high, abs=0.01)
    assert found.p == 1  # one utterance is no evidence, however long


def test_seeds_that_differ_widen_the_interval() -> None:
    generator = np.random.default_rng(5)
    lengths = np.full(200, 100)
    hits = generator.binomial(lengths, 0.7)
    rates = np.array([0, 12, -12, 6, -6])[:, None]
    unstable = several(np.clip(hits + rates, 0, 100), lengths)
    one = paired_difference(unstable[0], scores(hits - 3, lengths)).difference
    all_five = paired_difference(unstable, scores(hits - 3, lengths)).difference
    assert one.low > 0 > all_five.low
    assert all_five.high - all_five.low > 5 * (one.high - one.low)


def test_seeds_make_an_interval_that_holds_the_truth() -> None:
    """Equal recipes; 0.1 from seed to seed is more than utterances can tell."""
    generator = np.random.default_rng(11)
    lengths = np.full(20, 20)
    sets, held, held_by_one = 60, 0, 0
    for _ in range(sets):
        rates = np.clip(generator.normal(0.6, 0.1, (2, 5, 1)), 0, 1)
        above, below = (
            several(generator.binomial(lengths, side, (5, 20)), lengths) for side in rates
        )
        found = paired_difference(above, below).difference
        held += found.low <= 0 <= found.high
        found = paired_difference(above[0], below[0]).difference
        held_by_one += found.low <= 0 <= found.high
    assert held / sets > 0.8
    assert held_by_one / sets < 0.5


def test_averages_pairs_whose_recipes_are_fixed() -> None:
    """Heads far apart, a small steady gain from pooling: seen only where heads are not redrawn."""
    generator = np.random.default_rng(2)
    lengths = np.full(100, 50)
    base = generator.integers(10, 20, 100)
    pairs = [
        (
            several(base + head + 1 + generator.integers(0, 2, (3, 100)), lengths),
            several(base + head + generator.integers(0, 2, (3, 100)), lengths),
        )
        for head in (0, 10, 20)
    ]
    found = average_difference(pairs)
    each = [paired_difference(above, below).difference.value for above, below in pairs]
    assert found.difference.value == pytest.approx(np.mean(each))
    assert found.verdict == "better"
    mixed = paired_difference(
        [run for above, _ in pairs for run in above], [run for _, below in pairs for run in below]
    )
    assert mixed.difference.value == pytest.approx(found.difference.value)
    assert mixed.verdict == "no evidence of a difference"


@pytest.mark.parametrize("odd", range(4))
def test_all_runs_must_share_their_utterances(odd: int) -> None:
    counts = [9 if k == odd else 10 for k in range(4)]
    runs = [scores(np.full(n, 3), np.full(n, 5)) for n in counts]
    with pytest.raises(UserError, match="different items"):
        paired_difference(runs[:2], runs[2:])


def test_a_side_without_a_run_is_refused() -> None:
    with pytest.raises(UserError, match="at least one run"):
        paired_difference([], scores(np.array([3]), np.array([5])))
