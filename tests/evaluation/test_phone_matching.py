"""The path against every path there is, and against plain Levenshtein distance."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bossline.core.errors import UserError
from bossline.data.alignments import Interval
from bossline.evaluation import phone_matching
from bossline.evaluation.phone_matching import MAPPINGS, mapped, matched

Path = list[tuple[int | None, int | None]]


def said(most: int) -> st.SearchStrategy[list[Interval]]:
    """Phones end to end, of a few labels; times in whole milliseconds."""
    one = st.tuples(st.sampled_from("abc"), st.integers(1, 300))

    def placed(phones: list[tuple[str, int]]) -> list[Interval]:
        edges = [0]
        for _, length in phones:
            edges.append(edges[-1] + length)
        pairs = zip(edges, edges[1:], phones, strict=False)
        return [Interval(start / 1000, end / 1000, label) for start, end, (label, _) in pairs]

    return st.lists(one, max_size=most).map(placed)


def every_path(n: int, m: int, r: int = 0, h: int = 0) -> Iterator[Path]:
    if r == n and h == m:
        yield []
    if r < n:
        yield from ([(r, None), *rest] for rest in every_path(n, m, r + 1, h))
    if h < m:
        yield from ([(None, h), *rest] for rest in every_path(n, m, r, h + 1))
    if r < n and h < m:
        yield from ([(r, h), *rest] for rest in every_path(n, m, r + 1, h + 1))


def cost(path: Path, a: list[Interval], b: list[Interval]) -> tuple[int, int]:
    """Edits, and microseconds between pairs."""
    edits = time = 0
    for r, h in path:
        if r is None or h is None:
            edits += 1
            continue
        edits += a[r].label != b[h].label
        time += round(1e6 * abs(a[r].start - b[h].start)) + round(1e6 * abs(a[r].end - b[h].end))
    return edits, time


@settings(max_examples=60)
@given(said(4), said(4))
def test_no_path_is_cheaper(a: list[Interval], b: list[Interval]) -> None:
    ours = matched(a, b)
    assert cost(ours, a, b) == min(cost(path, a, b) for path in every_path(len(a), len(b)))
    assert [r for r, _ in ours if r is not None] == list(range(len(a)))
    assert [h for _, h in ours if h is not None] == list(range(len(b)))


@settings(max_examples=30)
@given(said(40), said(40))
def test_edits_are_levenshteins_whatever_is_kept_in_memory(
    a: list[Interval], b: list[Interval]
) -> None:
    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        same = a[i - 1].label == b[j - 1].label
        changed = distance(i - 1, j - 1) + (not same)
        return min(changed, distance(i - 1, j) + 1, distance(i, j - 1) + 1)

    whole = matched(a, b)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(phone_matching, "_CELLS", 20)
        in_pieces = matched(a, b)
    assert cost(whole, a, b)[0] == distance(len(a), len(b))
    assert cost(in_pieces, a, b) == cost(whole, a, b)


def test_of_equal_labels_the_nearest_match() -> None:
    a = [Interval(0.5, 0.6, "a")]
    b = [Interval(0.1, 0.2, "a"), Interval(0.51, 0.6, "a"), Interval(0.8, 0.9, "a")]
    assert matched(a, b) == [(None, 0), (0, 1), (None, 2)]


def test_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone_matching, "_MOST_CELLS", 3)
    with pytest.raises(UserError, match="2 phones against 2 are too many to match"):
        matched([Interval(0, 1, "a"), Interval(1, 2, "b")], [Interval(0, 1, "a")] * 2)


TIMIT = (
    "iy ih eh ey ae aa aw ay ah ao oy ow uh uw ux er ax ix axr ax-h jh ch b d g p t k dx s sh z zh "
    "f th v dh m n ng em nx en eng l r w y hh hv el bcl dcl gcl pcl tcl kcl h# pau epi q"
).split()


def test_timit_folds_to_39_and_38() -> None:
    assert len(set(TIMIT)) == 61
    assert len({mapped(phone, "timit39") for phone in TIMIT} - {None}) == 39
    assert len({mapped(phone, "timit38") for phone in TIMIT} - {None}) == 38
    assert [phone for phone in TIMIT if mapped(phone, "timit39") is None] == ["q"]


def test_arpabet_falls_on_timits_names() -> None:
    arpabet = (
        "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW "
        "V W Y Z ZH"
    ).split()
    folded = {mapped(phone, "timit38") for phone in TIMIT} - {None}
    assert {mapped(f"{phone}{stress}", "timit38") for phone in arpabet for stress in "012"} == (
        folded - {"dx"}
    )


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("silence", ["", "sil", "SIL", "sp", "spn", "h#", "pau"])
def test_silence_is_a_phone_to_timit39_alone(mapping: str, silence: str) -> None:
    assert mapped(silence, mapping) == ("sil" if mapping == "timit39" else None)
