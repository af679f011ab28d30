"""Intervals against a bootstrap that copies speakers, and against a known truth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import optimize, stats

from bossline.core.errors import UserError
from bossline.evaluation.intervals import wilson_interval
from bossline.tasks.speaker.verification import intervals
from bossline.tasks.speaker.verification.error_rates import equal_error_rate, min_dcf
from bossline.tasks.speaker.verification.intervals import eer_interval, min_dcf_interval

Trials = tuple[
    npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.int64]
]
SPEAKER, NOISE, DISTANCE, PRIOR = 0.5, 1.0, 3.0, 0.1


def simulate(speakers: int, each: int, rng: np.random.Generator) -> Trials:
    """Scores with an effect of every speaker: `each` target and non-target trials of each."""
    effects = rng.normal(scale=SPEAKER, size=(2, speakers))
    own = np.repeat(np.arange(speakers), each)
    other = (own + rng.integers(1, speakers, len(own))) % speakers
    targets = DISTANCE + effects[0, own] + rng.normal(scale=NOISE, size=len(own))
    nontargets = effects[1, own] + effects[1, other] + rng.normal(scale=NOISE, size=len(own))
    return (
        np.concatenate([targets, nontargets]),
        np.arange(2 * len(own)) < len(own),
        np.concatenate([own, own]),
        np.concatenate([own, other]),
    )


def copying(trials: Trials, rng: np.random.Generator) -> tuple[list[float], list[bool]]:
    """Redraw speakers one by one, and hold the trials of each of them and of each two of them."""
    scores, labels, enrol, test = trials
    drawn = rng.integers(0, enrol.max() + 1, enrol.max() + 1)
    chosen: list[float] = []
    kinds: list[bool] = []
    for first in drawn:
        mine = labels & (enrol == first)
        chosen += scores[mine].tolist()
        kinds += [True] * int(mine.sum())
        for second in drawn:
            both = ~labels & (enrol == first) & (test == second)
            chosen += scores[both].tolist()
            kinds += [False] * int(both.sum())
    return chosen, kinds


def cost(threshold: float, scores: npt.NDArray[np.float64], labels: npt.NDArray[np.bool_]) -> float:
    """Detection cost at a threshold, relative to accepting none."""
    misses = (scores[labels] < threshold).mean()
    return float(misses + (1 - PRIOR) / PRIOR * (scores[~labels] >= threshold).mean())


def test_interval_equals_a_bootstrap_that_copies_speakers() -> None:
    rng = np.random.default_rng(0)
    trials = simulate(8, 10, rng)
    redrawn = [copying(trials, rng) for _ in range(800)]
    eer = eer_interval(*trials)
    expected = np.quantile([equal_error_rate(*draw).rate for draw in redrawn], [0.025, 0.975])
    assert eer.value == equal_error_rate(trials[0], trials[1]).rate
    assert (eer.low, eer.high) == pytest.approx(expected, abs=0.02)
    best = min(trials[0], key=lambda threshold: cost(threshold, *trials[:2]))
    dcf = min_dcf_interval(*trials, PRIOR)
    expected = np.quantile([cost(best, *map(np.array, draw)) for draw in redrawn], [0.025, 0.975])
    assert dcf.value == pytest.approx(cost(best, *trials[:2]))
    assert dcf.value == min_dcf(*trials[:2], PRIOR)
    assert (dcf.low, dcf.high) == pytest.approx(expected, abs=0.06)


def test_intervals_hold_the_truth_about_as_often_as_they_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 200)
    target = stats.norm(DISTANCE, np.hypot(SPEAKER, NOISE))
    nontarget = stats.norm(0, np.sqrt(2 * SPEAKER**2 + NOISE**2))
    true_eer = stats.norm.cdf(-DISTANCE / (target.std() + nontarget.std()))
    true_dcf = optimize.minimize_scalar(
        lambda t: target.cdf(t) + (1 - PRIOR) / PRIOR * nontarget.sf(t),
        bounds=(0, 6),
        method="bounded",
    ).fun
    rng = np.random.default_rng(0)
    held = []
    for _ in range(100):
        trials = simulate(30, 20, rng)
        eer, dcf = eer_interval(*trials), min_dcf_interval(*trials, PRIOR)
        held.append((eer.low <= true_eer <= eer.high, dcf.low <= true_dcf <= dcf.high))
    assert np.all(np.mean(held, axis=0) >= 0.85)
    assert np.all(np.mean(held, axis=0) <= 0.99)


def test_interval_is_wider_than_if_trials_were_independent() -> None:
    trials = simulate(20, 100, np.random.default_rng(0))
    count = len(trials[0])
    strangers = np.arange(count) + count * ~trials[1]
    shared, apart = eer_interval(*trials), eer_interval(*trials[:2], np.arange(count), strangers)
    assert shared.high - shared.low > 2 * (apart.high - apart.low)


def test_names_do_as_well_as_numbers_and_the_seed_decides() -> None:
    scores, labels, enrol, test = simulate(10, 10, np.random.default_rng(0))
    names = np.array([f"speaker {k}" for k in range(10)])
    numbered = eer_interval(scores, labels, enrol, test, seed=1)
    assert numbered == eer_interval(scores, labels, names[enrol], names[test], seed=1)
    assert numbered != eer_interval(scores, labels, enrol, test, seed=2)


def test_two_speakers_are_redrawn_until_both_kinds_of_trials_are_there() -> None:
    interval = eer_interval([0.0, 1.0], [False, True], ["a", "a"], ["b", "a"])
    assert interval == wilson_interval(0, 2)


def test_a_label_that_the_speakers_contradict_is_refused() -> None:
    message = "trial 2 is labelled target, but its speakers are 'a' and 'b' \\(1 of 3 trials"
    with pytest.raises(UserError, match=message):
        eer_interval([0, 1, 2], [False, True, True], ["a", "a", "b"], ["b", "b", "b"])
