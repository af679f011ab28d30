from __future__ import annotations

import numpy as np

from bossline.tasks.base import Answers
from bossline.tasks.transcribe.transcripts import (
    END,
    START,
    Transcript,
    agreed,
    answers_of,
    best,
    of_pieces,
    strings,
)


def heard(*symbols: int, score: float = 0.0) -> Transcript:
    """Each symbol two frames long."""
    starts = np.arange(0.0, 2 * len(symbols), 2)
    sure = np.full(len(symbols), 0.9)
    return Transcript(np.array(symbols, np.int64), sure, starts, starts + 2, score)


def told(*utterances: list[int]) -> Answers:
    return answers_of([[heard(*symbols)] for symbols in utterances])


def test_pieces_of_an_utterance_lie_end_to_end() -> None:
    found = [[heard(1, 2), heard(1)], [heard(3), heard(4), heard(5)], [heard(6)]]
    joined = of_pieces(found, np.array([0, 0, 1]), np.array([10, 7, 4]))
    assert [one.symbols.tolist() for one in joined[0]] == [[1, 2, 3], [1, 4]]
    assert joined[0][0].starts.tolist() == [0, 2, 10]
    assert joined[0][0].ends.tolist() == [2, 4, 12]
    assert [one.symbols.tolist() for one in joined[1]] == [[6]]
    assert joined[1][0].starts.tolist() == [0]


def test_the_best_of_each_list_is_kept_with_its_times() -> None:
    answers = answers_of([[heard(1, 2), heard(2)], [heard(), heard(3)]])
    first = best(answers)
    assert [symbols.tolist() for symbols in strings(first)] == [[1, 2], []]
    assert first.lengths.tolist() == [2, 1]  # an empty string has a row
    assert first.array[:2, START].tolist() == [0, 2]
    assert first.array[:2, END].tolist() == [2, 4]


def test_several_models_tell_what_differs_least_from_all() -> None:
    members = [told([1, 2, 3], [4]), told([1, 2], [5]), told([1, 2, 3, 1], [5])]
    assert [symbols.tolist() for symbols in strings(agreed(members))] == [[1, 2, 3], [5]]
