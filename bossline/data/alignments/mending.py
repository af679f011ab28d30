"""From rows as a file has them to tiers as they should be, and a sentence for all that differs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from bossline.core.counting import counted
from bossline.data.alignments.model import (
    UNSAYABLE,
    Interval,
    IntervalTier,
    Point,
    PointTier,
)
from bossline.data.alignments.source import Source
from bossline.data.labels import quoted

NOISE = 1e-6  # seconds by which edges differ that are meant to be one

MOST_TIERS = 1000


class Row(NamedTuple):
    """An interval as a file has it; a point where both times are one."""

    start: float  # seconds
    end: float  # seconds
    label: str
    line: int


def mended_intervals(source: Source, name: str, rows: Sequence[Row]) -> IntervalTier:
    """Rows in order, none overlapping another, none empty.

    An interval that begins before the end of the one before is cut there, as the Montreal Forced
    Aligner does; one that has no length is left out.

    Raises:
        UserError: a row ends before it starts, or lies within the one before.
    """
    intervals: list[Interval] = []
    noisy = 0
    end = float("-inf")
    for row in _in_order(source, name, rows):
        if row.end < row.start:
            raise source.wrong(
                row.line, f"{_shown(row, name)} ends at {row.end:.6g} s, before it starts"
            )
        start = row.start
        if start < end and row.end > end:
            start = end
            if end - row.start <= NOISE:
                noisy += 1
            else:
                source.repaired(
                    f"{quoted(row.label)} overlapped the interval before it: now it begins at its "
                    f"end, {end:.6g} s",
                    name,
                    row.start,
                )
        elif row.start == row.end or (start < end and row.end - row.start <= NOISE):
            source.repaired(f"{quoted(row.label)} had no length: left out", name, row.start)
            continue
        elif start < end:
            raise source.wrong(
                row.line, f"{_shown(row, name)} lies within the interval before it: mend it there"
            )
        intervals.append(Interval(start, row.end, _sayable(source, name, row)))
        end = row.end
    if noisy:
        source.repaired(f"{counted(noisy, 'pair')} of edges less than 1 µs apart: made one", name)
    return IntervalTier(name, tuple(intervals))


def mended_points(source: Source, name: str, rows: Sequence[Row]) -> PointTier:
    """Rows in order, as points at their starts."""
    ordered = _in_order(source, name, rows)
    return PointTier(name, tuple(Point(row.start, _sayable(source, name, row)) for row in ordered))


def tiled(source: Source, tier: IntervalTier, start: float, end: float) -> IntervalTier:
    """The tier with empty intervals in its gaps, for a format whose tiers have none."""
    intervals = list(tier.intervals)
    for place, (before, after) in enumerate(pairwise(tier.intervals)):
        if 0 < after.start - before.end <= NOISE:
            intervals[place] = Interval(intervals[place].start, after.start, before.label)
    if intervals and 0 < intervals[0].start - start <= NOISE:
        intervals[0] = Interval(start, intervals[0].end, intervals[0].label)
    if intervals and 0 < end - intervals[-1].end <= NOISE:
        intervals[-1] = Interval(intervals[-1].start, end, intervals[-1].label)
    known = set(intervals)
    filled = IntervalTier(tier.name, tuple(intervals)).tiled(start, end)
    for one in filled:
        if one not in known:
            source.repaired(
                f"a gap until {one.end:.6g} s: filled with an empty interval", tier.name, one.start
            )
    return IntervalTier(tier.name, filled)


def unique_name(source: Source, name: str, taken: Iterable[str]) -> str:
    """The name, with a number where another tier has it already.

    Raises:
        UserError: more tiers than any recording has.
    """
    name = _clean(name)
    names = set(taken)
    if len(names) >= MOST_TIERS:
        raise source.wrong(0, f"more than {MOST_TIERS} tiers")
    if name not in names:
        return name
    number = next(n for n in range(2, len(names) + 3) if f"{name}_{n}" not in names)
    source.repaired(f"another tier of this name: now '{name}_{number}'", name)
    return f"{name}_{number}"


def reach(
    source: Source, start: float, end: float, spans: Iterable[tuple[float, float]]
) -> tuple[float, float]:
    """Start and end that a file says, moved apart where its labels reach beyond.

    Raises:
        UserError: the end stands before the start.
    """
    if end < start:
        raise source.wrong(0, f"ends at {end:.6g} s, before its start, {start:.6g} s")
    spans = [(start, end), *spans]
    first, last = min(first for first, _ in spans), max(last for _, last in spans)
    if first < start or last > end:
        source.repaired(
            f"labels from {first:.9g} to {last:.9g} s, the file says {start:.9g} to {end:.9g} s: "
            "widened"
        )
    return first, last


def _in_order(source: Source, name: str, rows: Sequence[Row]) -> Sequence[Row]:
    for before, after in pairwise(rows):
        if after.start < before.start:
            source.repaired("not in order of time: sorted", name, after.start)
            return sorted(rows, key=lambda row: row.start)
    return rows


def _sayable(source: Source, name: str, row: Row) -> str:
    label = _clean(row.label)
    if label != row.label:
        source.repaired(f"control characters in the label: now {quoted(label)}", name, row.start)
    return label


def _clean(text: str) -> str:
    return UNSAYABLE.sub("\ufffd", text)


def _shown(row: Row, name: str) -> str:
    return f"tier {quoted(name)}: {quoted(row.label)} at {row.start:.6g} s"
