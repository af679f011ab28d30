"""Alignments as hypothesis draws them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st

from bossline.data.alignments import Alignment, Interval, IntervalTier, Point, PointTier, Tier
from bossline.data.alignments.model import UNSAYABLE

LABELS = st.text(max_size=6).filter(lambda label: not UNSAYABLE.search(label)) | st.sampled_from(
    [
        "",
        '"',
        '""',
        "! no comment",
        "two\nlines",
        "xmin = 3",
        "<exists>",
        " a b ",
        "tʰ",
        ";;",
        "#",
        ",",
    ]
)
WORDS = LABELS.filter(lambda label: label and not set(label) & set(" \t\n"))
TIMES = st.floats(0, 1000)
SAMPLES = st.integers(0, 10**7).map(lambda sample: sample / 16000)
UNITS = st.integers(0, 10**10).map(lambda unit: unit / 10_000_000)


@st.composite
def interval_tiers(
    draw: st.DrawFn,
    name: st.SearchStrategy[str] = LABELS,
    labels: st.SearchStrategy[str] = LABELS,
    times: st.SearchStrategy[float] = TIMES,
    least: int = 0,
) -> IntervalTier:
    """Intervals with and without gaps between them."""
    edges = sorted(draw(st.lists(times, min_size=2 * least, max_size=12, unique=True)))
    pairs = list(pairwise(edges))
    kept = draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)))
    kept[:least] = [True] * least
    intervals = [
        Interval(start, end, draw(labels))
        for (start, end), keep in zip(pairs, kept, strict=True)
        if keep
    ]
    return IntervalTier(draw(name), tuple(intervals))


@st.composite
def point_tiers(
    draw: st.DrawFn,
    name: st.SearchStrategy[str] = LABELS,
    labels: st.SearchStrategy[str] = LABELS,
    least: int = 0,
) -> PointTier:
    times = sorted(draw(st.lists(TIMES, min_size=least, max_size=5)))
    return PointTier(draw(name), tuple(Point(time, draw(labels)) for time in times))


def tiers(least: int = 0, name: st.SearchStrategy[str] = LABELS) -> st.SearchStrategy[list[Tier]]:
    either = interval_tiers(name=name, least=least) | point_tiers(name=name, least=least)
    return st.lists(either, max_size=3, unique_by=lambda tier: tier.name)


@st.composite
def alignments(draw: st.DrawFn) -> Alignment:
    """With silence before and behind, or none."""
    plain = Alignment.of(draw(tiers()))
    before, behind = draw(st.tuples(st.floats(0, 2), st.floats(0.5, 2)))
    return Alignment(plain.start - before, plain.end + behind, plain.tiers)
