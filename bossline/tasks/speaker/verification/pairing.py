"""Trials made from utterances whose speakers are known."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from math import isqrt
from random import Random

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.tasks.speaker.verification.trials import Trials


def make_trials(ids: Sequence[str], speakers: Sequence[str], *, count: int, seed: int) -> Trials:
    """As many target as non-target trials (one more of these if `count` is odd), in random order.

    No pair comes twice, in either order, and none is an utterance with itself. Among the target
    trials, and among the non-target trials, every speaker comes about equally often, as far as
    its utterances go; a speaker of a single utterance has non-target trials only.

    Args:
        ids: (U,) of utterances, unique.
        speakers: (U,) who speaks.
        count: of the trials.
        seed: the same seed and utterances give the same trials.

    Raises:
        UserError: fewer than 2 trials asked for, or more than there are pairs of either kind.
    """
    spoken: dict[str, list[str]] = {}
    for id, speaker in zip(ids, speakers, strict=True):
        spoken.setdefault(speaker, []).append(id)
    sizes = {speaker: len(own) for speaker, own in spoken.items()}
    targets = count // 2
    _check(sizes, count, targets)
    random = Random(seed)
    rows = []
    for speaker, quota in _share_targets(sizes, targets, random).items():
        for pair in random.sample(range(_within(sizes[speaker])), quota):
            later = (1 + isqrt(1 + 8 * pair)) // 2
            earlier = pair - later * (later - 1) // 2
            rows.append((True, spoken[speaker][earlier], spoken[speaker][later]))
    for (one, other), quota in _share_nontargets(sizes, count - targets, random).items():
        for pair in random.sample(range(sizes[one] * sizes[other]), quota):
            mine, theirs = divmod(pair, sizes[other])
            rows.append((False, spoken[one][mine], spoken[other][theirs]))
    random.shuffle(rows)
    # Which utterance enrols is chance: it must not follow from the order of the ids.
    return Trials.of(
        [(label, *((a, b) if random.random() < 0.5 else (b, a))) for label, a, b in rows]
    )


def _within(size: int) -> int:
    """Pairs of different utterances among so many."""
    return size * (size - 1) // 2


def _check(sizes: Mapping[str, int], count: int, targets: int) -> None:
    if count < 2:
        raise UserError(
            f"{counted(count, 'trial')}: expected at least 2, a target and a non-target trial"
        )
    one_speaker = sum(map(_within, sizes.values()))
    two_speakers = _within(sum(sizes.values())) - one_speaker
    if not one_speaker:
        raise UserError(
            f"no target trials: none of {counted(len(sizes), 'speaker')} has two utterances"
        )
    if not two_speakers:
        raise UserError("no non-target trials: all utterances are of one speaker")
    if targets > one_speaker or count - targets > two_speakers:
        raise UserError(
            f"{counted(count, 'trial')}: the utterances make {one_speaker} target and "
            f"{two_speakers} "
            f"non-target trials; ask for at most {2 * min(one_speaker, two_speakers)}"
        )


def _share_targets(sizes: Mapping[str, int], count: int, random: Random) -> Counter[str]:
    """Target trials of each speaker: one each in turn, until its pairs are used up."""
    quotas: Counter[str] = Counter()
    able = [speaker for speaker, size in sizes.items() if size > 1]
    left = count
    while left:
        random.shuffle(able)
        quotas.update(able[:left])
        left -= len(able[:left])
        able = [speaker for speaker in able if quotas[speaker] < _within(sizes[speaker])]
    return quotas


def _share_nontargets(
    sizes: Mapping[str, int], count: int, random: Random
) -> Counter[tuple[str, str]]:
    """Non-target trials of each two speakers: the least used speaker meets the next least used.

    A speaker that has no unused pair with anyone left is dropped, so every pair can be reached.
    """
    quotas: Counter[tuple[str, str]] = Counter()
    queue = [(0, random.random(), speaker) for speaker in sizes]  # ties are broken by chance
    heapq.heapify(queue)
    left = count
    while left:
        used, _, one = heapq.heappop(queue)
        passed = []
        while queue:
            entry = heapq.heappop(queue)
            pair = (min(one, entry[2]), max(one, entry[2]))
            if quotas[pair] < sizes[pair[0]] * sizes[pair[1]]:
                quotas[pair] += 1
                left -= 1
                heapq.heappush(queue, (used + 1, random.random(), one))
                heapq.heappush(queue, (entry[0] + 1, random.random(), entry[2]))
                break
            passed.append(entry)
        for entry in passed:
            heapq.heappush(queue, entry)
    return quotas
