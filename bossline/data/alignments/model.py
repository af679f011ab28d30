"""Labels over time: an alignment is a few tiers of intervals or points over one recording."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bossline.core.errors import UserError, did_you_mean

UNSAYABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""What no label holds: control characters but tab and newline, and half characters of UTF-16."""

LATEST = 1e9  # seconds: thirty years, and a double still tells microseconds apart

_PHONES = re.compile("phon|segment|mau$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of a recording with its label."""

    start: float  # seconds
    end: float  # seconds
    label: str  # "" where nothing is said


@dataclass(frozen=True, slots=True)
class Point:
    """A moment of a recording with its label."""

    time: float  # seconds
    label: str


@dataclass(frozen=True)
class IntervalTier:
    """Intervals in order of time, which do not overlap; between them there may be gaps.

    Raises:
        ValueError: they are in disorder, overlap, or one does not end after it starts.
    """

    name: str
    intervals: tuple[Interval, ...]

    def __post_init__(self) -> None:
        _check_labels(self.name, (self.name, *(one.label for one in self.intervals)))
        for one in self.intervals:
            if not one.start < one.end:
                raise ValueError(f"tier {self.name!r}: {one} does not end after it starts")
        for before, after in pairwise(self.intervals):
            if after.start < before.end:
                raise ValueError(f"tier {self.name!r}: {after} begins before the end of {before}")

    @property
    def span(self) -> tuple[float, float] | None:
        """Where the first begins and the last ends."""
        return (self.intervals[0].start, self.intervals[-1].end) if self.intervals else None

    def tiled(self, start: float, end: float) -> tuple[Interval, ...]:
        """The intervals, and empty ones in every gap from `start` to `end`.

        >>> tier = IntervalTier("phones", (Interval(0.25, 0.5, "a"),))
        >>> [(one.start, one.end, one.label) for one in tier.tiled(0, 1)]
        [(0, 0.25, ''), (0.25, 0.5, 'a'), (0.5, 1, '')]
        """
        return tuple(_tiling(self.intervals, start, end))


@dataclass(frozen=True)
class PointTier:
    """Points in order of time.

    Raises:
        ValueError: they are in disorder.
    """

    name: str
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        _check_labels(self.name, (self.name, *(one.label for one in self.points)))
        for before, after in pairwise(self.points):
            if not before.time <= after.time:
                raise ValueError(f"tier {self.name!r}: {after} stands behind {before}")

    @property
    def span(self) -> tuple[float, float] | None:
        """The first and the last moment."""
        return (self.points[0].time, self.points[-1].time) if self.points else None


Tier = IntervalTier | PointTier


@dataclass(frozen=True)
class Alignment:
    """What is labelled in one recording.

    Attributes:
        start, end: of the recording in seconds; where a format does not say the end, that of the
            last label.
        tiers: of different names, all within `start` and `end`.
        repairs: what the reader put right, a sentence each with the name of the file. Alignments
            are equal whatever was put right.

    Raises:
        ValueError: two tiers of one name, or labels outside `start` and `end`.
    """

    start: float
    end: float
    tiers: tuple[Tier, ...]
    repairs: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        names = [tier.name for tier in self.tiers]
        if len(set(names)) < len(names):
            raise ValueError(f"two tiers of one name among {names}")
        if not -LATEST <= self.start <= self.end <= LATEST:
            raise ValueError(f"an alignment from {self.start} to {self.end} s")
        for tier in self.tiers:
            first, last = tier.span or (self.start, self.end)
            if not self.start <= first <= last <= self.end:
                raise ValueError(f"tier {tier.name!r} reaches beyond {self.start} to {self.end} s")

    @classmethod
    def of(cls, tiers: Sequence[Tier], repairs: Iterable[str] = ()) -> Alignment:
        """An alignment that begins at 0 s, or at the first label, and ends with the last one."""
        spans = [span for tier in tiers if (span := tier.span)]
        start = min((0.0, *(first for first, _ in spans)))
        end = max((start, *(last for _, last in spans)))
        return cls(start, end, tuple(tiers), tuple(repairs))

    def tier(self, name: str) -> Tier:
        """The tier of this name.

        Raises:
            UserError: there is none.
        """
        for tier in self.tiers:
            if tier.name == name:
                return tier
        names = [tier.name for tier in self.tiers]
        raise UserError(f"no tier '{name}': {did_you_mean(name, names)}")

    def phones(self, name: str | None = None) -> IntervalTier:
        """The tier of this name; without one, the tier that holds phones.

        That is the only tier of intervals, or the only one among several whose name says phones:
        "phones", "speaker - phone", "Phonetic", "MAU".

        Raises:
            UserError: no such tier, a tier of points, or none or several that may be meant.
        """
        if name is not None:
            tier = self.tier(name)
            if not isinstance(tier, IntervalTier):
                raise UserError(f"tier '{name}' is one of points, expected intervals")
            return tier
        tiers = [tier for tier in self.tiers if isinstance(tier, IntervalTier)]
        if len(tiers) != 1:
            tiers = [tier for tier in tiers if _PHONES.search(tier.name)] or tiers
        if len(tiers) == 1:
            return tiers[0]
        if not tiers:
            raise UserError("no tier of intervals")
        names = ", ".join(f"'{tier.name}'" for tier in tiers)
        raise UserError(f"{len(tiers)} tiers may hold the phones: name one of {names}")


def _check_labels(name: str, labels: Iterable[str]) -> None:
    for label in labels:
        if UNSAYABLE.search(label):
            raise ValueError(f"tier {name!r}: control characters in {label!r}")


def _tiling(intervals: Iterable[Interval], start: float, end: float) -> Iterator[Interval]:
    for one in intervals:
        if start < one.start:
            yield Interval(start, one.start, "")
        yield one
        start = one.end
    if start < end:
        yield Interval(start, end, "")
