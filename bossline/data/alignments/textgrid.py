"""Praat's TextGrid, as Praat itself reads it: long, short, or all in one line.

Praat looks for numbers, "strings" and <flags> that stand free, and passes over every other word:
the long format is the short one with words between. `!` starts a comment. A quote in a string is
doubled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.data.alignments.mending import (
    Row,
    mended_intervals,
    mended_points,
    reach,
    tiled,
    unique_name,
)
from bossline.data.alignments.model import Alignment, IntervalTier, Tier
from bossline.data.alignments.source import Source, digits
from bossline.data.labels import quoted

_TOKEN = re.compile(
    r"""
    (?P<comment> ![^\n]* )
    | "(?P<string> (?:[^"]++|"")*+ )"
    | (?P<open> " )
    | <(?P<flag> [^<>\s]* )>
    | (?P<number> [-+]?\.?[0-9][^\s"]* )
    | [^\s"=]+ | =
    """,
    re.VERBOSE,
)
_INTERVALS, _POINTS = "IntervalTier", "TextTier"
Kind = Literal["string", "number", "flag"]


@dataclass(frozen=True, slots=True)
class RawTier:
    """A tier as it stands in a file."""

    kind: str  # IntervalTier or TextTier
    name: str
    rows: list[Row]


def read_textgrid(source: Source) -> Alignment:
    """What a TextGrid holds, put right.

    Raises:
        UserError: no TextGrid, a binary or chronological one, cut short, or a row that cannot be
            put right.
    """
    start, end, raw = parse_textgrid(source)
    spans = [(row.start, row.end) for tier in raw for row in tier.rows]
    start, end = reach(source, start, end, spans)
    tiers: list[Tier] = []
    for tier in raw:
        name = unique_name(source, tier.name, (known.name for known in tiers))
        if tier.kind == _POINTS:
            tiers.append(mended_points(source, name, tier.rows))
        else:
            tiers.append(tiled(source, mended_intervals(source, name, tier.rows), start, end))
    return Alignment(start, end, tuple(tiers), source.sentences)


def parse_textgrid(source: Source) -> tuple[float, float, list[RawTier]]:
    """Start, end and tiers as they stand in the file.

    Raises:
        UserError: no TextGrid, a binary or chronological one, or cut short.
    """
    tokens = _Tokens(source)
    head = source.text[:80].lstrip()
    for sign, kind in (("ooBinaryFile", "binary"), ('"Praat chrono', "chronological")):
        if head.startswith(sign):
            raise UserError(f"{source.path}: a {kind} TextGrid: save it as a text file in Praat")
    if not tokens.string("the type of the file").startswith("ooTextFile"):
        raise source.wrong(1, 'no TextGrid: it should begin with File type = "ooTextFile"')
    if not (kind := tokens.string("the class of the object")).startswith("TextGrid"):
        raise source.wrong(tokens.line, f"a Praat {quoted(kind)}, expected a TextGrid")
    start, end = tokens.seconds(), tokens.seconds()
    if tokens.take("flag", "<exists>") != "exists":
        return start, end, []
    said = tokens.count()
    tiers = []
    while tokens.next is not None:
        tiers.append(_tier(tokens, source))
    if len(tiers) < said:
        raise source.wrong(
            tokens.line, f"ends after {len(tiers)} of {counted(said, 'tier')}: cut short?"
        )
    if len(tiers) > said:
        source.repaired(f"says {counted(said, 'tier')}, {len(tiers)} follow: all read")
    return start, end, tiers


def _tier(tokens: _Tokens, source: Source) -> RawTier:
    """One tier: its rows end where the next tier begins, and the count that it says is checked."""
    kind = tokens.string("the class of a tier")
    if kind not in (_INTERVALS, _POINTS):
        raise source.wrong(tokens.line, f"{quoted(kind)}, expected {_INTERVALS} or {_POINTS}")
    name = tokens.string("the name of a tier")
    tokens.seconds(), tokens.seconds()  # of the tier, where its rows say it too
    said = tokens.count()
    rows = []
    while tokens.next == "number":
        first = tokens.seconds()
        line = tokens.line
        last = tokens.seconds() if kind == _INTERVALS else first
        rows.append(Row(first, last, tokens.string("a label"), line))
    if len(rows) < said and tokens.next is None:
        raise source.wrong(
            tokens.line, f"ends after {len(rows)} of {counted(said, 'label')}: cut short?"
        )
    if len(rows) != said:
        follow = f"{len(rows)} {'follows' if len(rows) == 1 else 'follow'}"
        source.repaired(f"says {counted(said, 'label')}, {follow}: all read", name)
    return RawTier(kind, name, rows)


class _Tokens:
    """Numbers, strings and flags of a text, one after the other.

    Attributes:
        next: the kind of the next one; None at the end.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._found = self._matches()
        self._line, self._counted = 1, 0
        self._place = 0
        self._advance()

    def _matches(self) -> Iterator[re.Match[str]]:
        for match in _TOKEN.finditer(self._source.text):
            if match.lastgroup == "open":
                self._place = match.start()
                raise self._source.wrong(self.line, "a quote that is never closed")
            if match.lastgroup not in (None, "comment"):
                yield match

    def _advance(self) -> None:
        self._match = next(self._found, None)
        self.next = None if self._match is None else self._match.lastgroup

    @property
    def line(self) -> int:
        """Of the token that was taken last."""
        self._line += self._source.text.count("\n", self._counted, self._place)
        self._counted = self._place
        return self._line

    def take(self, kind: Kind, what: str) -> str:
        """The text of the next token, which is of this kind.

        Raises:
            UserError: it is of another kind, or there is none.
        """
        match = self._match
        if match is None:
            self._place = len(self._source.text.rstrip())
            raise self._source.wrong(self.line, f"ends where {what} should be: cut short?")
        self._place = match.start()
        if match.lastgroup != kind:
            raise self._source.wrong(self.line, f"{quoted(match.group())}, expected {what}")
        self._advance()
        return str(match[kind])

    def string(self, what: str) -> str:
        return self.take("string", what).replace('""', '"')

    def seconds(self) -> float:
        return self._source.seconds(self.take("number", "a number of seconds"), self.line)

    def count(self) -> int:
        word = self.take("number", "a count")
        if not re.fullmatch("[0-9]{1,15}", word):
            raise self._source.wrong(self.line, f"{quoted(word)}, expected a count")
        return int(word)


def write_textgrid(alignment: Alignment) -> str:
    """The long format. Every tier of intervals tiles the recording: gaps become empty intervals.

    Raises:
        UserError: the recording has no length, for which Praat has no TextGrid.
    """
    if not alignment.start < alignment.end:
        raise UserError("a TextGrid needs a recording that ends after it starts")
    return "\n".join(_long(alignment)) + "\n"


def _long(alignment: Alignment) -> Iterator[str]:
    start, end = digits(alignment.start), digits(alignment.end)
    yield 'File type = "ooTextFile"'
    yield 'Object class = "TextGrid"'
    yield ""
    yield f"xmin = {start}"
    yield f"xmax = {end}"
    yield "tiers? <exists>"
    yield f"size = {len(alignment.tiers)}"
    yield "item []:"
    for number, tier in enumerate(alignment.tiers, start=1):
        yield f"    item [{number}]:"
        kind = _INTERVALS if isinstance(tier, IntervalTier) else _POINTS
        yield f'        class = "{kind}"'
        yield f"        name = {_in_quotes(tier.name)}"
        yield f"        xmin = {start}"
        yield f"        xmax = {end}"
        if isinstance(tier, IntervalTier):
            rows = tier.tiled(alignment.start, alignment.end)
            yield f"        intervals: size = {len(rows)}"
            for place, one in enumerate(rows, start=1):
                yield f"        intervals [{place}]:"
                yield f"            xmin = {digits(one.start)}"
                yield f"            xmax = {digits(one.end)}"
                yield f"            text = {_in_quotes(one.label)}"
        else:
            yield f"        points: size = {len(tier.points)}"
            for place, point in enumerate(tier.points, start=1):
                yield f"        points [{place}]:"
                yield f"            number = {digits(point.time)}"
                yield f"            mark = {_in_quotes(point.label)}"


def _in_quotes(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
