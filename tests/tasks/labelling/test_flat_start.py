"""Phones that are noisy points are found by their order alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from bossline.tasks.labelling.chains import Chain
from bossline.tasks.labelling.flat_start import Utterances, flat_start, labels

PASSES = (1, 1, 1, 1, 2, 2)


def made(count: int, pauses: bool, seed: int = 1) -> tuple[Utterances, list[np.ndarray]]:
    """Utterances of four phones and silence, 0, that may stand between them; and the truth."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(5, 6)) * 2
    truth, chains, frames = [], [], []
    for _ in range(count):
        phones = rng.integers(1, 5, 6)
        phones[1:] = np.where(phones[1:] == phones[:-1], phones[1:] % 4 + 1, phones[1:])
        units = [0, *phones, 0]
        if pauses:
            units = [0]
            for phone in phones:
                units += [phone, *([0] if rng.random() < 0.3 else [])]
        own = np.repeat(units, rng.integers(4, 12, len(units)))
        truth.append(own)
        chains.append(
            Chain.with_pauses([[int(phone)] for phone in phones], 0, 0.3)
            if pauses
            else Chain.of([int(unit) for unit in units])
        )
        frames.append((centres[own] + rng.normal(size=(len(own), 6)) * 0.5).astype(np.float32))
    return Utterances([len(one) for one in frames], chains, frames.__getitem__), truth


@pytest.mark.parametrize("pauses", [False, True])
def test_labels_come_back(pauses: bool) -> None:
    utterances, truth = made(60, pauses)
    told: list[tuple[str, int, int]] = []
    model = flat_start(utterances, 5, 6, passes=PASSES, progress=lambda *words: told.append(words))
    found = dict(labels(utterances, model))
    assert sorted(found) == list(range(60))
    right = sum((found[u] == truth[u]).sum() for u in range(60))
    assert right / sum(map(len, truth)) > 0.95
    assert told[-1] == ("learning phones", 60 * len(PASSES), 60 * len(PASSES))


def merged(units: np.ndarray) -> list[int]:
    return [int(unit) for unit, _ in itertools.groupby(units)]


def test_every_frame_has_a_phone_of_the_chain_in_its_order() -> None:
    utterances, _ = made(20, pauses=False)
    model = flat_start(utterances, 5, 6, passes=(1,))
    for u, units in labels(utterances, model):
        assert len(units) == utterances.lengths[u]
        assert merged(units) == merged(utterances.chains[u].units)


def test_batches_hold_every_utterance_once_longest_first() -> None:
    utterances, _ = made(50, pauses=True)
    batches = list(utterances.batches(range(50)))
    assert sorted(one for batch in batches for one in batch) == list(range(50))
    lengths = [utterances.lengths[one] for batch in batches for one in batch]
    assert lengths == sorted(lengths, reverse=True)
