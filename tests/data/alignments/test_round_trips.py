"""What a format can say comes back exactly, with nothing repaired."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from itertools import pairwise, starmap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from praatio import textgrid as praatio

from bossline.core.errors import UserError
from bossline.data import alignments
from bossline.data.alignments import Alignment, Interval, IntervalTier, Point, PointTier, Tier
from tests.data.alignments import drawn

NAMED = st.just("labels")
SOME = settings(max_examples=25, deadline=None)  # each is flushed to the disk


def written(alignment: Alignment, name: str) -> Alignment:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        alignments.write(alignment, path)
        found = alignments.read(path)
    assert found.repairs == ()
    return found


def tiled(alignment: Alignment) -> Alignment:
    return replace(
        alignment,
        tiers=tuple(
            IntervalTier(tier.name, tier.tiled(alignment.start, alignment.end))
            if isinstance(tier, IntervalTier)
            else tier
            for tier in alignment.tiers
        ),
    )


@SOME
@given(drawn.alignments())
def test_a_textgrid_says_everything_but_gaps(alignment: Alignment) -> None:
    assert written(alignment, "a.TextGrid") == tiled(alignment)


@SOME
@given(drawn.alignments())
def test_json_says_everything(alignment: Alignment) -> None:
    assert written(alignment, "a.json") == alignment


@SOME
@given(drawn.tiers(least=1, name=drawn.LABELS.filter(bool)))
def test_csv_says_every_tier_that_has_labels(tiers: list[Tier]) -> None:
    assert written(Alignment.of(tiers), "a.csv") == Alignment.of(tiers)


@SOME
@given(drawn.interval_tiers(name=NAMED, labels=drawn.WORDS, least=1))
def test_ctm_says_words_at_any_time(tier: IntervalTier) -> None:
    assert written(Alignment.of([tier]), "a.ctm") == Alignment.of([tier])


NO_BREAK = IntervalTier("labels", (Interval(0.0, 1e-7, "\N{NO-BREAK SPACE}"),))


@SOME
@given(drawn.interval_tiers(name=NAMED, labels=drawn.WORDS, times=drawn.UNITS, least=1))
@example(NO_BREAK)  # a label like any other: only blanks and tabs stand between fields
def test_htk_says_words_at_multiples_of_100_ns(tier: IntervalTier) -> None:
    assert written(Alignment.of([tier]), "a.lab") == Alignment.of([tier])


@SOME
@given(drawn.interval_tiers(name=st.just("phones"), labels=drawn.WORDS, times=drawn.SAMPLES))
def test_timit_says_words_at_samples(tier: IntervalTier) -> None:
    assert written(Alignment.of([tier]), "a.phn") == Alignment.of([tier])


@pytest.mark.parametrize("suffix", [".lab", ".ctm", ".phn", ".txt", ".TextGrid", ".json", ".csv"])
@pytest.mark.parametrize("space", "\N{NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}\N{EM SPACE}")
def test_spaces_of_other_scripts_are_labels(space: str, suffix: str) -> None:
    ends = [(0.0, 0.5, space), (0.5, 1.0, f"{space}a"), (1.0, 1.5, f"a{space}")]
    tier = IntervalTier("phones" if suffix == ".phn" else "labels", tuple(starmap(Interval, ends)))
    assert written(Alignment.of([tier]), f"a{suffix}") == Alignment.of([tier])


LINES = drawn.LABELS.filter(lambda label: "\n" not in label)


@SOME
@given(
    drawn.interval_tiers(name=NAMED, labels=LINES, least=1)
    | drawn.point_tiers(name=NAMED, labels=LINES, least=1)
)
def test_audacity_says_lines_at_any_time(tier: Tier) -> None:
    assert written(Alignment.of([tier]), "a.txt") == Alignment.of([tier])


# What praatio reads too: it strips labels, and leaves quotes of points doubled.
PLAIN = st.text('ab "ʰ', max_size=4).map(str.strip)


@SOME
@given(
    st.lists(
        drawn.interval_tiers(labels=PLAIN, name=st.sampled_from("abc"), times=drawn.SAMPLES),
        max_size=3,
        unique_by=lambda tier: tier.name,
    ),
    st.lists(
        st.tuples(drawn.SAMPLES, st.sampled_from(["", "a", "tʰ b"])),
        min_size=1,
        max_size=3,
        unique_by=lambda one: one[0],
    ),
)
def test_praatio_reads_our_textgrids(tiers: list[IntervalTier], points: list[Any]) -> None:
    clicks = PointTier("clicks", tuple(Point(*one) for one in sorted(points)))
    plain = Alignment.of([*tiers, clicks])
    alignment = tiled(replace(plain, end=plain.end + 1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.TextGrid")
        alignments.write(alignment, path)
        theirs = praatio.openTextgrid(str(path), includeEmptyIntervals=True)
    assert theirs.tierNames == tuple(tier.name for tier in alignment.tiers)
    for ours, other in zip(alignment.tiers, theirs.tiers, strict=True):
        rows: list[tuple[Any, ...]]
        if isinstance(ours, IntervalTier):
            rows = [(one.start, one.end, one.label) for one in ours.intervals]
        else:
            rows = [(point.time, point.label) for point in ours.points]
        assert [tuple(entry) for entry in other.entries] == rows


@SOME
@given(st.lists(drawn.SAMPLES, min_size=2, max_size=8, unique=True), st.data(), st.booleans())
def test_praatios_textgrids_are_read(times: list[float], data: st.DataObject, long: bool) -> None:
    """As praatio writes them, long and short."""
    entries = [(start, end, data.draw(PLAIN)) for start, end in pairwise(sorted(times))]
    end = max(times)
    grid = praatio.Textgrid(0, end)
    grid.addTier(praatio.IntervalTier("phones", entries, 0, end))
    grid.addTier(praatio.PointTier("clicks", [(end, "a b")], 0, end))
    form = "long_textgrid" if long else "short_textgrid"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.TextGrid")
        grid.save(str(path), form, includeBlankSpaces=True)
        found = alignments.read(path)
    expected = IntervalTier("phones", tuple(Interval(*entry) for entry in entries)).tiled(0, end)
    assert found.tiers == (
        IntervalTier("phones", expected),
        PointTier("clicks", (Point(end, "a b"),)),
    )
    assert (found.start, found.end, found.repairs) == (0, end, ())


TWO = Alignment.of(
    [IntervalTier("words", (Interval(0, 1, "a b"),)), PointTier("clicks", (Point(0.5, "x"),))]
)


@pytest.mark.parametrize(
    ("alignment", "name", "tier", "message"),
    [
        (TWO, "a.ctm", None, "a.ctm: ctm holds one tier, here are 'words', 'clicks': name one"),
        (TWO, "a.ctm", "clicks", "tier 'clicks' is one of points, which a CTM lacks"),
        (TWO, "a.ctm", "wrods", "did you mean 'words'?"),
        (TWO, "a.ctm", "words", "label 'a b' at 0 s: a CTM's have no blanks"),
        (TWO, "a.lab", "words", "label 'a b' at 0 s: HTK's have no blanks"),
        (TWO, "a b.ctm", "words", "recording 'a b': a CTM needs a name of one word"),
        (TWO, "a.eaf", None, "a.eaf: write alignments to one of .textgrid, .phn"),
        (Alignment(0, 0, ()), "a.TextGrid", None, "a recording that ends after it starts"),
        (
            Alignment.of([IntervalTier("p", (Interval(-1, 1, "a"),))]),
            "a.phn", None, "label 'a' at -1 s: before 0 s",
        ),
        (
            Alignment.of([IntervalTier("p", (Interval(0, 1e-5, "a"),))]),
            "a.phn", None, "label 'a' at 0 s is shorter than a sample",
        ),
        (
            Alignment.of([IntervalTier("p", (Interval(0, 1, "a\nb"),))]),
            "a.txt", None, "Audacity's have one line",
        ),
        (
            Alignment.of([IntervalTier("p", (Interval(0, 1, " a"),))]),
            "a.phn", None, "outer blanks",
        ),
        (Alignment.of([IntervalTier("", ())]), "a.csv", None, "a tier without a name"),
    ],
)  # fmt: skip
def test_what_a_format_cannot_say_is_refused_and_nothing_is_written(
    tmp_path: Path, alignment: Alignment, name: str, tier: str | None, message: str
) -> None:
    with pytest.raises(UserError) as error:
        alignments.write(alignment, tmp_path / name, tier=tier)
    assert message in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_formats_are_written_by_name_too(tmp_path: Path) -> None:
    alignments.write(TWO, tmp_path / "a.lab", "audacity", tier="words")
    assert (tmp_path / "a.lab").read_text() == "0.0\t1.0\ta b\n"
    with pytest.raises(UserError, match="not written as 'emu'"):
        alignments.write(TWO, tmp_path / "a.json", "emu")


def test_samples_are_of_the_rate_that_is_given(tmp_path: Path) -> None:
    alignments.write(TWO, tmp_path / "a.wrd", tier="words", rate=8000)
    assert (tmp_path / "a.wrd").read_text() == "0 8000 a b\n"
    assert alignments.read(tmp_path / "a.wrd", rate=8000).tier("words") == TWO.tier("words")
