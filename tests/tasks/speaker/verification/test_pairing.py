"""Trials made from a labelled set: balanced, without repeats, as many as there are."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.tasks.speaker.verification.pairing import make_trials
from bossline.tasks.speaker.verification.trials import Trials


def utterances(sizes: list[int]) -> dict[str, str]:
    """Speaker of each utterance."""
    return {f"s{s}-u{u}": f"s{s}" for s, size in enumerate(sizes) for u in range(size)}


def make(speaker_of: dict[str, str], count: int, seed: int = 0) -> Trials:
    return make_trials(list(speaker_of), list(speaker_of.values()), count=count, seed=seed)


def pairs(speaker_of: dict[str, str]) -> tuple[int, int]:
    """Target and non-target pairs that there are, by listing them."""
    kinds = [speaker_of[a] == speaker_of[b] for a, b in combinations(speaker_of, 2)]
    return sum(kinds), len(kinds) - sum(kinds)


@given(st.lists(st.integers(1, 5), min_size=2, max_size=6), st.data())
def test_trials_are_true_balanced_and_come_once(sizes: list[int], data: st.DataObject) -> None:
    speaker_of = utterances(sizes)
    most = 2 * min(pairs(speaker_of))
    if most == 0:
        return
    count = data.draw(st.integers(2, most))
    trials = make(speaker_of, count, seed=data.draw(st.integers(0, 9)))
    assert len(trials) == count
    assert trials.labels.sum() == count // 2
    for label, enrol, test in zip(trials.labels, trials.enrol, trials.test, strict=True):
        assert enrol != test
        assert label == (speaker_of[enrol] == speaker_of[test])
    pairs_made = {frozenset(pair) for pair in zip(trials.enrol, trials.test, strict=True)}
    assert len(pairs_made) == count


def test_every_speaker_comes_equally_often_where_it_can() -> None:
    speaker_of = utterances([30] * 7 + [9] * 3 + [1])
    trials = make(speaker_of, 400)
    target: Counter[str] = Counter()
    nontarget: Counter[str] = Counter()
    for label, enrol, test in zip(trials.labels, trials.enrol, trials.test, strict=True):
        (target if label else nontarget).update([speaker_of[enrol], speaker_of[test]])
    assert set(target.values()) == {40}  # of 200 trials of 10 speakers, 2 sides each
    assert "s10" not in target
    assert set(nontarget.values()) <= {36, 37}  # 400 sides of 11 speakers
    assert len(nontarget) == 11


def test_neither_side_and_no_place_in_the_list_tells_the_label() -> None:
    trials = make(utterances([20] * 20), 1000)
    assert 150 < trials.labels[:500].sum() < 350
    earlier = sum(a < b for a, b in zip(trials.enrol, trials.test, strict=True))
    assert 400 < earlier < 600


def test_the_seed_decides() -> None:
    speaker_of = utterances([5] * 5)
    first, again, other = (make(speaker_of, 20, seed=seed) for seed in (0, 0, 1))
    assert (first.enrol, first.test) == (again.enrol, again.test)
    assert (first.enrol, first.test) != (other.enrol, other.test)


@pytest.mark.parametrize(
    ("sizes", "count", "message"),
    [
        ([1, 1, 1], 2, "no target trials: none of 3 speakers has two utterances"),
        ([4], 2, "no non-target trials: all utterances are of one speaker"),
        ([2, 2], 1, "1 trial: expected at least 2"),
        ([2, 2], 6, "make 2 target and 4 non-target trials; ask for at most 4"),
        ([6, 1], 14, "make 15 target and 6 non-target trials; ask for at most 12"),
    ],
)
def test_what_cannot_be_made_is_refused(sizes: list[int], count: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make(utterances(sizes), count)
