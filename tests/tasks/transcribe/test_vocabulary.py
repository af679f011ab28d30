from __future__ import annotations

from itertools import groupby, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bossline.data.phones import LIBRIPHONE, Vocabulary
from bossline.tasks.transcribe.strings import Strings

SYMBOLS = st.lists(st.lists(st.integers(1, 3), max_size=6), min_size=1, max_size=8)


def test_the_vocabulary_of_libriphone_is_39_phones() -> None:
    vocabulary = Vocabulary.of(LIBRIPHONE)
    assert len(vocabulary.names) == 39
    assert not {"SIL", "SPN"} & set(vocabulary.names)
    assert vocabulary.symbols[LIBRIPHONE.index("SIL")] == 0
    for name in vocabulary.names:
        assert vocabulary.names[vocabulary.symbols[LIBRIPHONE.index(name)] - 1] == name


@given(labels=st.lists(st.integers(0, 3), max_size=30))
def test_a_string_is_labels_merged_without_silence(labels: list[int]) -> None:
    vocabulary = Vocabulary.of(("A", "SIL", "B", "SPN"))
    expected = [{0: 1, 2: 2}[label] for label, _ in groupby(labels) if label not in (1, 3)]
    assert vocabulary.string(np.array(labels, np.int16)).tolist() == expected


def test_a_phone_said_twice_around_silence_is_two() -> None:
    vocabulary = Vocabulary.of(("SIL", "A"))
    assert vocabulary.string(np.array([1, 1, 0, 1])).tolist() == [1, 1]


@given(each=SYMBOLS)
def test_repeats_are_neighbours_within_a_string(each: list[list[int]]) -> None:
    strings = Strings.of([np.array(string, np.int64) for string in each])
    expected = [sum(a == b for a, b in pairwise(one)) for one in each]
    assert strings.repeats.tolist() == expected


@given(each=SYMBOLS, data=st.data())
def test_padded_strings_end_in_zeros(each: list[list[int]], data: st.DataObject) -> None:
    strings = Strings.of([np.array(string, np.int64) for string in each])
    items = data.draw(st.lists(st.integers(0, len(each) - 1), min_size=1, max_size=5))
    padded = strings.padded(np.array(items))
    assert padded.shape[1] == max(1, max(len(each[item]) for item in items))
    for row, item in zip(padded.tolist(), items, strict=True):
        assert row == each[item] + [0] * (padded.shape[1] - len(each[item]))
