"""Formats in JSON: our own, which is praatio's and the Montreal Forced Aligner's, and EMU's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from bossline.core.counting import counted
from bossline.core.errors import UserError
from bossline.data.alignments.mending import (
    Row,
    mended_intervals,
    mended_points,
    reach,
    unique_name,
)
from bossline.data.alignments.model import LATEST, Alignment, IntervalTier, Tier
from bossline.data.alignments.source import Source
from bossline.data.labels import quoted


def parse_json(source: Source, text: str, line: int = 1) -> Any:
    """JSON, an error of which names the line.

    Raises:
        UserError: not JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise source.wrong(line + error.lineno - 1, f"not JSON: {error.msg.lower()}") from error
    except RecursionError as error:
        raise source.wrong(line, "JSON nested too deeply") from error
    except ValueError as error:  # a number of thousands of digits
        raise source.wrong(line, f"not readable as JSON ({error})") from error


class Found:
    """A value in a file's JSON and the way to it; whatever is asked of it is checked."""

    def __init__(self, source: Source, value: Any, way: str, line: int = 0) -> None:
        self.source, self.value, self.way, self.line = source, value, way, line

    def wrong(self, expected: str) -> UserError:
        where = f" line {self.line}" if self.line else ""
        way = f"{self.way}: " if self.way else ""
        return UserError(f"{self.source.path}{where}: {way}{self._shown}, expected {expected}")

    @property
    def _shown(self) -> str:
        match self.value:
            case None:
                return "missing"
            case dict():
                return "an object"
            case list():
                return "a list"
            case str():
                return quoted(self.value)
        return json.dumps(self.value)

    def __getitem__(self, key: str) -> Found:
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        way = f"{self.way}.{key}" if self.way else key
        return Found(self.source, self.value.get(key), way, self.line)

    def __iter__(self) -> Iterator[Found]:
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        for place, one in enumerate(self.value):
            yield Found(self.source, one, f"{self.way}[{place}]", self.line)

    def items(self) -> Iterator[tuple[str, Found]]:
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        for key in self.value:
            yield key, self[key]

    @property
    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("text")
        return self.value

    @property
    def seconds(self) -> float:
        return self.number(LATEST)

    def number(self, most: float) -> float:
        """A number up to `most` either way."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong("a number")
        if not -most <= value <= most or not isfinite(value):
            raise self.wrong(f"a number up to {most:g}")
        return float(value)

    def entry(self, length: int) -> Sequence[Found]:
        """A list of at least so many."""
        parts = list(self)
        if len(parts) < length:
            raise self.wrong(f"a list of {length}")
        return parts


def read_json_tiers(source: Source) -> Alignment:
    """`{"start", "end", "tiers": {name: {"type": "interval" or "point", "entries": [...]}}}`.

    Entries are `[start, end, label]` or `[time, label]`.

    Raises:
        UserError: another form, or an entry that cannot be put right.
    """
    content = Found(source, parse_json(source, source.text), "")
    tiers: list[Tier] = []
    for name, tier in content["tiers"].items():
        name = unique_name(source, name, (known.name for known in tiers))
        kind = tier["type"].text
        if kind not in ("interval", "point"):
            raise tier["type"].wrong("'interval' or 'point'")
        length = 3 if kind == "interval" else 2
        rows = []
        for entry in tier["entries"]:
            parts = entry.entry(length)
            start, end = parts[0].seconds, parts[length - 2].seconds
            if end < start:
                raise entry.wrong("an end behind the start")
            rows.append(Row(start, end, parts[length - 1].text, 0))
        tiers.append((mended_intervals if length == 3 else mended_points)(source, name, rows))
    plain = Alignment.of(tiers)
    start, end = (
        given.seconds if given.value is not None else otherwise
        for given, otherwise in ((content["start"], plain.start), (content["end"], plain.end))
    )
    start, end = reach(source, start, end, [span for tier in tiers if (span := tier.span)])
    return Alignment(start, end, tuple(tiers), source.sentences)


def write_json_tiers(alignment: Alignment) -> str:
    """The form that read_json_tiers reads; exact for every alignment."""
    tiers: dict[str, Any] = {}
    for tier in alignment.tiers:
        if isinstance(tier, IntervalTier):
            intervals = [[float(one.start), float(one.end), one.label] for one in tier.intervals]
            tiers[tier.name] = {"type": "interval", "entries": intervals}
        else:
            points = [[float(point.time), point.label] for point in tier.points]
            tiers[tier.name] = {"type": "point", "entries": points}
    content = {"start": float(alignment.start), "end": float(alignment.end), "tiers": tiers}
    return json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"


_MOST_SAMPLES = 1e15


def read_emu(source: Source) -> Alignment:
    """EMU's annotation, also in a bundle: a tier a level (Winkelmann, Harrington and Jänsch 2017).

    A segment reaches from its first sample to the first one of the next: EMU's duration is one
    sample short, in older files it is not. Items of a level without times get those of the segments
    that they are linked to; where there are none, they are left out.

    Raises:
        UserError: another form, or a segment that cannot be put right.
    """
    content = Found(source, parse_json(source, source.text), "")
    if isinstance(content.value, dict) and "annotation" in content.value:
        content = content["annotation"]
    rate = content["sampleRate"].number(1e9)
    if rate <= 0:
        raise content["sampleRate"].wrong("samples a second")
    levels = [(level["name"].text, level["type"].text, level) for level in content["levels"]]
    spans: dict[int, tuple[float, float]] = {}
    timed: dict[str, list[Row]] = {}
    for name, kind, level in levels:
        if kind == "SEGMENT":
            timed[name] = _segments(level, name, rate, spans)
        elif kind == "EVENT":
            timed[name] = [
                Row(time := item["samplePoint"].number(_MOST_SAMPLES) / rate, time, label, 0)
                for item, label in _labelled(level, name)
            ]
    parents: dict[int, list[int]] = {}
    for link in content["links"] if content["links"].value else ():
        parent, child = (int(link[end].number(2**53)) for end in ("fromID", "toID"))
        parents.setdefault(child, []).append(parent)
    spread(parents, spans)
    tiers: list[Tier] = []
    for name, kind, level in levels:
        own = unique_name(source, name, (tier.name for tier in tiers))
        if kind == "EVENT":
            tiers.append(mended_points(source, own, timed[name]))
            continue
        rows = timed[name] if kind == "SEGMENT" else _items(source, level, own, spans)
        if rows or kind == "SEGMENT":
            tiers.append(mended_intervals(source, own, rows))
    return Alignment.of(tiers, source.sentences)


def _labelled(level: Found, name: str) -> Iterator[tuple[Found, str]]:
    """Items with the label that is called as the level, or else their first one."""
    for item in level["items"]:
        labels = list(item["labels"]) if item["labels"].value else []
        own = [label for label in labels if label["name"].value == name] or labels
        yield item, own[0]["value"].text if own else ""


def _segments(
    level: Found, name: str, rate: float, spans: dict[int, tuple[float, float]]
) -> list[Row]:
    found = [
        (
            item["sampleStart"].number(_MOST_SAMPLES),
            item["sampleDur"].number(_MOST_SAMPLES),
            int(item["id"].number(2**53)),
            label,
        )
        for item, label in _labelled(level, name)
    ]
    starts = {start for start, *_ in found}
    rows = []
    for start, length, id, label in found:
        if length < 0:
            raise level.wrong(f"no negative sampleDur, as of item {id}")
        end = start + length
        end = end if end in starts and length else end + 1
        rows.append(Row(start / rate, end / rate, label, 0))
        spans[id] = start / rate, end / rate
    return rows


def spread(parents: Mapping[int, Sequence[int]], spans: dict[int, tuple[float, float]]) -> None:
    """Give all that links to something with times, in any number of steps, their least span.

    >>> spans = {3: (0.0, 1.0), 4: (1.0, 2.0)}
    >>> spread({2: [1], 3: [2], 4: [2]}, spans)
    >>> spans[1]
    (0.0, 2.0)
    """
    starts = _climb(parents, {id: start for id, (start, _) in spans.items()})
    ends = _climb(parents, {id: -end for id, (_, end) in spans.items()})
    for id in starts.keys() - spans.keys():
        spans[id] = starts[id], -ends[id]


def _climb(parents: Mapping[int, Sequence[int]], values: Mapping[int, float]) -> dict[int, float]:
    """The least value below each, as the first one that gets there; links may go in circles."""
    least: dict[int, float] = {}
    for id in sorted(values, key=values.__getitem__):
        above = [id]
        while above:
            one = above.pop()
            if one not in least:
                least[one] = values[id]
                above += parents.get(one, ())
    return least


def _items(
    source: Source, level: Found, name: str, spans: Mapping[int, tuple[float, float]]
) -> list[Row]:
    rows, without = [], 0
    for item, label in _labelled(level, name):
        span = spans.get(int(item["id"].number(2**53)))
        if span is None:
            without += 1
        else:
            rows.append(Row(*span, label, 0))
    if without:
        source.repaired(
            f"{counted(without, 'item')} linked to no segment, so without times: left out", name
        )
    return rows
