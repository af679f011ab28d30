"""Lhotse's supervisions: a JSON object a line, of any number of recordings (.jsonl, .jsonl.gz)."""

from __future__ import annotations

from bossline.data.alignments.mending import Row, mended_intervals, unique_name
from bossline.data.alignments.model import Alignment, Tier
from bossline.data.alignments.objects import Found, parse_json
from bossline.data.alignments.source import Source

_DIGITS = 9  # lhotse rounds the sum of a start and a duration to 8

_Rows = dict[tuple[str, str], list[Row]]  # by speaker and kind


def read_lhotse(source: Source) -> dict[str, Alignment]:
    """The recordings of a manifest of supervisions.

    Tiers: "utterances" (their text), and those of their alignments ("word", "phone"), whose times
    count from the recording's start. Where a recording has several speakers, tiers are named
    "speaker - kind". Scores are left out.

    Raises:
        UserError: a line that is no supervision, or one that cannot be put right.
    """
    recordings: dict[str, _Rows] = {}
    for number, line in source.lines():
        item = Found(source, parse_json(source, line, number), "", number)
        rows = recordings.setdefault(item["recording_id"].text, {})
        speaker = item["speaker"].text if item["speaker"].value is not None else ""
        text = item["text"].text if item["text"].value is not None else ""
        rows.setdefault((speaker, "utterances"), []).append(
            _row(item["start"], item["duration"], text)
        )
        if item["alignment"].value is not None:
            for kind, entries in item["alignment"].items():
                for entry in entries:
                    label, start, length, *_ = entry.entry(3)
                    rows.setdefault((speaker, kind), []).append(_row(start, length, label.text))
    return {recording: _alignment(source, rows) for recording, rows in recordings.items()}


def _row(start: Found, length: Found, label: str) -> Row:
    if length.seconds < 0:
        raise length.wrong("a duration")
    end = round(start.seconds + length.seconds, _DIGITS)
    return Row(start.seconds, start.source.within(end, start.line), label, start.line)


def _alignment(source: Source, rows: _Rows) -> Alignment:
    own = Source(source.path, "", repairs=list(source.repairs))
    several = len({speaker for speaker, _ in rows}) > 1
    tiers: list[Tier] = []
    for (speaker, kind), found in rows.items():
        name = f"{speaker} - {kind}" if several else kind
        name = unique_name(own, name, (tier.name for tier in tiers))
        tiers.append(mended_intervals(own, name, found))
    return Alignment.of(tiers, own.sentences)
