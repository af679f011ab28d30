"""Against rapidfuzz, and against all ways there are to align two short strings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from bossline.tasks.transcribe.decoding import edits
from bossline.tasks.transcribe.decoding.edits import align, distances

strings = st.lists(st.integers(1, 3), max_size=9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(strings, strings), max_size=12))
def test_distances_are_those_of_rapidfuzz(pairs: list[tuple[list[int], list[int]]]) -> None:
    said, told = [one for one, _ in pairs], [other for _, other in pairs]
    expected = [Levenshtein.distance(one, other) for one, other in pairs]
    assert distances(said, told).tolist() == expected
    assert align(said, told).errors.tolist() == expected


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(strings, strings), max_size=12))
def test_an_alignment_holds_both_strings(pairs: list[tuple[list[int], list[int]]]) -> None:
    alignment = align([one for one, _ in pairs], [other for _, other in pairs])
    for (said, told), (references, hypotheses) in zip(pairs, alignment.each(), strict=True):
        assert references[references > 0].tolist() == said
        assert hypotheses[hypotheses > 0].tolist() == told
        assert ((references > 0) | (hypotheses > 0)).all()


def all_alignments(one: tuple[int, ...], other: tuple[int, ...]) -> list[list[tuple[int, int]]]:
    """Every one, the last pair first in its list; those that the rule prefers come first."""
    found = []
    if one and other:
        rest = all_alignments(one[:-1], other[:-1])
        found += [[(one[-1], other[-1]), *tail] for tail in rest]
    if one:
        found += [[(one[-1], 0), *tail] for tail in all_alignments(one[:-1], other)]
    if other:
        found += [[(0, other[-1]), *tail] for tail in all_alignments(one, other[:-1])]
    return found or [[]]


short = st.lists(st.integers(1, 2), max_size=4).map(tuple)


@settings(max_examples=60, deadline=None)
@given(short, short)
def test_ties_fall_as_stated(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    ways = all_alignments(one, other)
    best = min(ways, key=lambda way: sum(a != b for a, b in way))  # the first of the fewest
    ((references, hypotheses),) = align([one], [other]).each()
    assert list(zip(references.tolist(), hypotheses.tolist(), strict=True)) == best[::-1]


def test_kinds_of_errors_and_confusions() -> None:
    alignment = align([[1, 2, 3], [], [3, 3]], [[1, 3, 3, 2], [2], [3]])
    assert alignment.insertions.tolist() == [1, 1, 0]
    assert alignment.deletions.tolist() == [0, 0, 1]
    assert alignment.substitutions.tolist() == [1, 0, 0]
    assert alignment.right.tolist() == [True, False, True, False, False, True]
    counts = alignment.confusions(3)
    assert counts.sum() == len(alignment.references)
    assert counts[0].tolist() == [0, 0, 2, 0]
    assert counts[:, 0].tolist() == [0, 0, 0, 1]
    assert counts[2, 3] == 1
    assert counts[1:, 1:].trace() + 1 == counts[1:, 1:].sum()


def test_batches_of_any_size_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = np.random.default_rng(3)
    said = [draws.integers(1, 5, draws.integers(0, 30)) for _ in range(60)]
    told = [draws.integers(1, 5, draws.integers(0, 30)) for _ in range(60)]
    whole = align(said, told)
    monkeypatch.setattr(edits, "_MOST_CELLS", 500)
    parts = align(said, told)
    assert np.array_equal(whole.references, parts.references)
    assert np.array_equal(whole.hypotheses, parts.hypotheses)
    assert np.array_equal(distances(said, told), whole.errors)


def test_long_strings() -> None:
    one = np.random.default_rng(0).integers(1, 40, 700)
    assert distances([one], [np.delete(one, slice(None, None, 7))]).tolist() == [100]


def test_lists_of_different_lengths_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="same shape"):
        distances([[1]], [])
