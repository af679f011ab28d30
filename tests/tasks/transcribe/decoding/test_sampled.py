"""Sentences that are drawn are as frequent as their model says."""

from __future__ import annotations

import math
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from benchmarks.phone_model import log_probs
from benchmarks.sampled import Words
from bossline.tasks.transcribe.decoding.arpa import arpa_of
from bossline.tasks.transcribe.decoding.ngram import Ngram, estimate

NAMES = ("aa", "b", "ch")


def probability(model: Ngram, string: tuple[int, ...]) -> float:
    path = [model.words - 1, *string, 0]
    told = (
        log_probs(model, np.array([path[max(0, k - 2) : k + 1]]))[0] for k in range(1, len(path))
    )
    return math.exp(sum(told))


def test_sentences_come_as_often_as_they_are_probable(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)
    text = [draws.integers(1, 4, draws.integers(1, 5)).tolist() for _ in range(12)]
    model = estimate(text, len(NAMES), 3)
    path = tmp_path / "words.arpa"
    path.write_text(arpa_of(model, NAMES))
    words, count = Words(path, 3), 40_000
    said = Counter(map(tuple, words.sentences(count, 3, np.random.default_rng(1))))
    for length in (2, 3):
        for string in product((1, 2, 3), repeat=length):
            expected = probability(model, string)
            found = said[tuple(NAMES[k - 1] for k in string)] / count
            assert found == pytest.approx(expected, abs=4 * math.sqrt(expected / count) + 1e-4)
    assert {len(one) for one in said} <= {2, 3}


def test_only_the_most_frequent_words_are_spoken(tmp_path: Path) -> None:
    text = [[1, 2, 1, 2], [1, 1, 2], [3, 1, 2]]
    path = tmp_path / "words.arpa"
    path.write_text(arpa_of(estimate(text, 3, 2), ("aa", "b", "x2")))
    drawn = Words(path, 3).sentences(200, 6, np.random.default_rng(0))
    assert {word for one in drawn for word in one} == {"aa", "b"}
    drawn = Words(path, 1).sentences(200, 6, np.random.default_rng(0))
    assert len({word for one in drawn for word in one}) == 1
