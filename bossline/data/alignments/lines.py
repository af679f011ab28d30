"""Formats with a label a line: TIMIT, HTK, xwaves, Audacity."""

from __future__ import annotations

from collections.abc import Iterator

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.data.alignments.mending import Row, mended_intervals, mended_points
from bossline.data.alignments.model import Alignment, IntervalTier, Tier
from bossline.data.alignments.source import BLANKS, Source, digits
from bossline.data.labels import quoted

_HTK_UNITS = 10_000_000  # a second: HTK counts 100 ns
_NAMES = {".phn": "phones", ".phones": "phones", ".wrd": "words", ".words": "words"}


def tier_name(source: Source) -> str:
    """What the only tier of a file is called: phones, words, or labels where nothing tells."""
    return _NAMES.get(source.path.suffix.lower(), "labels")


def read_timit(source: Source) -> Alignment:
    """`start end label`, in samples at the source's rate: TIMIT's .phn and .wrd.

    Raises:
        UserError: a line of another form, or one that cannot be put right.
    """
    return _read_whole_numbers(source, source.rate, "samples", longest=3)


def read_htk(source: Source) -> Alignment:
    """`start end label ...`, in units of 100 ns: HTK's .lab; scores and more levels are left out.

    Raises:
        UserError: a line of another form, or one that cannot be put right.
    """
    return _read_whole_numbers(source, _HTK_UNITS, "100 ns", longest=None)


def _read_whole_numbers(
    source: Source, per_second: int, unit: str, longest: int | None
) -> Alignment:
    rows, more = [], 0
    for number, line in source.lines():
        words = BLANKS.split(line.strip(" \t"), 2)
        if len(words) < 3:
            raise source.wrong(number, f"{quoted(line)}, expected a start, an end and a label")
        label = words[2]
        if longest is None:
            label, *rest = BLANKS.split(label, 1)
            more += bool(rest)
        start, end = (source.units(word, number, per_second, unit) for word in words[:2])
        rows.append(Row(start, end, label, number))
    if more:
        source.repaired(f"{counted(more, 'line')} with more than a label: the rest is left out")
    return _of(source, mended_intervals(source, tier_name(source), rows))


def read_xwaves(source: Source) -> Alignment:
    """`end colour label` in seconds behind a line "#": xwaves' .lab, and Buckeye's .phones.

    An interval begins where the one before ends, the first at 0 s. What stands behind the header's
    separator is left out. Without a header, all lines are labels.

    Raises:
        UserError: a line of another form, or ends that are not in order.
    """
    lines = list(source.lines())
    marks = [place for place, (_, line) in enumerate(lines) if line.strip() == "#"]
    header = [line.split() for _, line in lines[: marks[0]]] if marks else []
    separator = next(
        (words[1] for words in header if words[:1] == ["separator"] and words[1:]), ";"
    )
    rows, end = [], 0.0
    for number, line in lines[marks[0] + 1 :] if marks else lines:
        words = BLANKS.split(line.strip(" \t"), 2)
        if len(words) < 2:
            raise source.wrong(number, f"{quoted(line)}, expected an end, a colour and a label")
        start, end = end, source.seconds(words[0], number)
        label = words[2].partition(separator)[0].strip(" \t") if len(words) == 3 else ""
        rows.append(Row(start, end, label, number))
    return _of(source, mended_intervals(source, tier_name(source), rows))


def read_audacity(source: Source) -> Alignment:
    """`start end label` in seconds, between tabs: Audacity's labels; a point has one time twice.

    Lines of frequencies, which begin with a backslash, are left out. Blanks in place of tabs are
    taken too.

    Raises:
        UserError: a line of another form, or one that cannot be put right.
    """
    intervals: list[Row] = []
    points: list[Row] = []
    frequencies = 0
    for number, line in source.lines():
        if line.startswith("\\"):
            frequencies += 1
            continue
        words = line.split("\t", 2) if "\t" in line else BLANKS.split(line.strip(" "), 2)
        if len(words) < 2:
            raise source.wrong(number, f"{quoted(line)}, expected a start, an end and a label")
        start, end = (source.seconds(word.strip(" "), number) for word in words[:2])
        rows = points if start == end else intervals
        rows.append(Row(start, end, "".join(words[2:]), number))
    if frequencies:
        source.repaired(f"{counted(frequencies, 'line')} of frequencies: left out")
    name = tier_name(source)
    tiers: list[Tier] = []
    if intervals or not points:
        tiers.append(mended_intervals(source, name, intervals))
    if points:
        tiers.append(mended_points(source, "points" if tiers else name, points))
    return _of(source, *tiers)


def _of(source: Source, *tiers: Tier) -> Alignment:
    return Alignment.of(tiers, source.sentences)


def write_timit(tier: Tier, rate: int) -> str:
    """`start end label` in samples; intervals without a label are left out.

    Raises:
        UserError: points, a label of several lines or none that a line can hold, a time before 0 s,
            or an interval of less than a sample.
    """
    return "".join(_whole_numbers(tier, rate, "sample"))


def write_htk(tier: Tier) -> str:
    """`start end label` in units of 100 ns; intervals without a label are left out.

    Raises:
        UserError: as write_timit, or a label with blanks.
    """
    for one in spoken(tier, "HTK's format"):
        if " " in one[2] or "\t" in one[2]:
            raise UserError(f"label {quoted(one[2])} at {one[0]:.6g} s: HTK's have no blanks")
    return "".join(_whole_numbers(tier, _HTK_UNITS, "unit of 100 ns"))


def _whole_numbers(tier: Tier, per_second: int, unit: str) -> Iterator[str]:
    for start, end, label in spoken(tier, f"a format that counts {unit}s"):
        first, last = round(start * per_second), round(end * per_second)
        if first == last:
            raise UserError(f"label {quoted(label)} at {start:.6g} s is shorter than a {unit}")
        yield f"{first} {last} {label}\n"


def write_audacity(tier: Tier) -> str:
    """`start end label` in seconds, between tabs.

    Raises:
        UserError: a label with a newline.
    """
    if isinstance(tier, IntervalTier):
        rows = [(one.start, one.end, one.label) for one in tier.intervals]
    else:
        rows = [(point.time, point.time, point.label) for point in tier.points]
    for start, _, label in rows:
        if "\n" in label:
            raise UserError(f"label {quoted(label)} at {start:.6g} s: Audacity's have one line")
    return "".join(f"{digits(start)}\t{digits(end)}\t{label}\n" for start, end, label in rows)


def spoken(tier: Tier, form: str) -> Iterator[tuple[float, float, str]]:
    """Start, end and label of every interval that has a label, for a format of bare words.

    Raises:
        UserError: points, a time before 0 s, or a label that such a line cannot hold.
    """
    if not isinstance(tier, IntervalTier):
        raise UserError(f"tier {quoted(tier.name)} is one of points, which {form} lacks")
    for one in tier.intervals:
        if not one.label:
            continue
        if "\n" in one.label or one.label != one.label.strip(" \t"):
            raise UserError(
                f"label {quoted(one.label)} at {one.start:.6g} s has newlines or outer blanks, "
                f"which {form} lacks"
            )
        if one.start < 0:
            raise UserError(f"label {quoted(one.label)} at {one.start:.6g} s: before 0 s")
        yield one.start, one.end, one.label
