"""Which phone of a reference is which of a hypothesis: labels first, then times."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from bossline.core.errors import UserError
from bossline.data.alignments import Interval
from bossline.data.phone_maps import PHONE_MAPS, TIMIT_61

Ints = npt.NDArray[np.int64]
Pair = tuple[int | None, int | None]
"""Places in a reference and in a hypothesis; None where one side has no phone."""

SILENCE = "sil"

_SILENCES = frozenset("sil sp spn pau epi h# <p:> <sil> <eps>".split()) | {""}
_FOLDED = {phone: PHONE_MAPS["timit39"](phone) for phone in TIMIT_61}
_CLOSURES = frozenset(phone for phone, kept in _FOLDED.items() if kept == SILENCE)
_LEFT_OUT = frozenset(phone for phone, kept in _FOLDED.items() if not kept)
_TIMIT39 = {phone: kept for phone, kept in _FOLDED.items() if kept not in ("", SILENCE)}

MAPPINGS = {
    "none": "labels as they are, without silence",
    "arpabet": "capital letters without stress, without silence",
    "timit39": "the 39 classes of Lee and Hon, of which silence and closures are one",
    "timit38": "timit39 without silence and closures",
}
"""What labels may be mapped to before they are compared."""

_EDIT = 1 << 40  # above all distances in time together
_CELLS = 1 << 22  # of a table that is kept whole
_MOST_CELLS = 1 << 32  # compared altogether: an hour of phones with an hour of phones


def mapped(label: str, mapping: str) -> str | None:
    """A label as a mapping has it; None: left out.

    TIMIT's 61 labels are folded as by Lee and Hon (1989, IEEE Trans. ASSP 37(11), table II), "q"
    left out; ARPAbet's, with or without stress, fall on the same names.

    Args:
        mapping: a key of MAPPINGS.

    >>> [mapped(label, "timit39") for label in ("ix", "AO1", "tcl", "h#", "q")]
    ['ih', 'aa', 'sil', 'sil', None]
    >>> mapped("AH0", "arpabet"), mapped("sil", "arpabet"), mapped("AH0", "none")
    ('AH', None, 'AH0')
    """
    label = label.strip()
    small = label.lower()
    if mapping in ("none", "arpabet"):
        if small in _SILENCES:
            return None
        return label if mapping == "none" else re.sub("[0-9]$", "", label).upper()
    if small in _SILENCES or small in _CLOSURES:
        return SILENCE if mapping == "timit39" else None
    if small in _LEFT_OUT:
        return None
    small = re.sub("[0-9]$", "", small)
    return _TIMIT39.get(small, small)


def matched(reference: Sequence[Interval], hypothesis: Sequence[Interval]) -> list[Pair]:
    """The pairs of a path with the fewest edits, and among those with the least distance in time.

    An edit is a substitution, a deletion or an insertion (Levenshtein 1966). The distance of a pair
    is |difference of starts| + |difference of ends|. Memory grows with the lengths, not with their
    product (Hirschberg 1975).

    Returns:
        Places in both, in order: (r, h) of a pair, (r, None) of a deletion, (None, h) of an
        insertion.

    Raises:
        UserError: more phones than can be compared in minutes.
    """
    if len(reference) * len(hypothesis) > _MOST_CELLS:
        raise UserError(
            f"{len(reference):,} phones against {len(hypothesis):,} are too many to match: cut the "
            "recording"
        )
    names = {one.label: k for k, one in enumerate([*reference, *hypothesis])}
    most = (_EDIT - 1) // (len(reference) + len(hypothesis) + 1)
    return _path(_table(reference, names), _table(hypothesis, names), most, 0, 0)


def _table(intervals: Sequence[Interval], names: dict[str, int]) -> Ints:
    """(N, 3): label, start and end in microseconds."""
    rows = [(names[one.label], one.start * 1e6, one.end * 1e6) for one in intervals]
    return np.array(rows, np.float64).reshape(-1, 3).round().astype(np.int64)


def _path(a: Ints, b: Ints, most: int, first_a: int, first_b: int) -> list[Pair]:
    if len(a) < 2 or (len(a) + 1) * (len(b) + 1) <= _CELLS:
        return _traced(a, b, most, first_a, first_b)
    half = len(a) // 2
    (before,) = deque(_costs(a[:half], b, most), maxlen=1)
    (behind,) = deque(_costs(a[half:][::-1], b[::-1], most), maxlen=1)
    cut = int((before + behind[::-1]).argmin())
    return _path(a[:half], b[:cut], most, first_a, first_b) + _path(
        a[half:], b[cut:], most, first_a + half, first_b + cut
    )


def _costs(a: Ints, b: Ints, most: int) -> Iterator[Ints]:
    """(len(b) + 1,) the least costs of a[:i] and each beginning of b, for i = 0, 1, ..."""
    insertions = np.arange(len(b) + 1) * _EDIT
    above = insertions
    yield above
    for one in a:
        best = above + _EDIT
        best[1:] = np.minimum(best[1:], above[:-1] + _pair_costs(one, b, most))
        above = np.minimum.accumulate(best - insertions) + insertions
        yield above


def _pair_costs(one: Ints, b: Ints, most: int) -> Ints:
    distance = np.abs(b[:, 1] - one[1]) + np.abs(b[:, 2] - one[2])
    return np.asarray(np.minimum(distance, most) + _EDIT * (b[:, 0] != one[0]))


def _traced(a: Ints, b: Ints, most: int, first_a: int, first_b: int) -> list[Pair]:
    rows = list(_costs(a, b, most))
    pairs: list[Pair] = []
    i, j = len(a), len(b)
    while i or j:
        if i and rows[i][j] == rows[i - 1][j] + _EDIT:
            i -= 1
            pairs.append((first_a + i, None))
        elif j and rows[i][j] == rows[i][j - 1] + _EDIT:
            j -= 1
            pairs.append((None, first_b + j))
        else:
            i, j = i - 1, j - 1
            pairs.append((first_a + i, first_b + j))
    return pairs[::-1]
