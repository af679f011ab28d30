"""NIST's CTM: `recording channel start duration label`, of any number of recordings."""

from __future__ import annotations

import re
from decimal import Context, Decimal

from bossline.core.errors import UserError
from bossline.data.alignments.lines import spoken
from bossline.data.alignments.mending import Row, mended_intervals, unique_name
from bossline.data.alignments.model import Alignment, Tier
from bossline.data.alignments.source import BLANKS, Source
from bossline.data.labels import quoted

_EXACT = Context(prec=400)  # digits of a sum of two doubles


def read_ctm(source: Source) -> dict[str, Alignment]:
    """The recordings of a CTM, each with the tier "labels", or one for each of its channels.

    Comments (";;") and what stands behind the label, such as a confidence, are left out. Start and
    duration are added as decimal numbers, so that 0.1 and 0.2 make 0.3.

    Raises:
        UserError: a line of another form, or one that cannot be put right.
    """
    rows: dict[str, dict[str, list[Row]]] = {}
    for number, line in source.lines():
        words = BLANKS.split(line.strip(" \t"))
        if words[0].startswith(";;"):
            continue
        if len(words) < 5:
            raise source.wrong(
                number,
                f"{quoted(line)}, expected a recording, a channel, a start, a duration and a label",
            )
        recording, channel, first, length, label = words[:5]
        start = source.seconds(first, number)
        source.seconds(length, number)
        end = source.within(float(_EXACT.add(Decimal(first), Decimal(length))), number)
        channels = rows.setdefault(recording, {})
        channels.setdefault(channel, []).append(Row(start, end, label, number))
    return {
        recording: _alignment(source, recording, channels) for recording, channels in rows.items()
    }


def _alignment(source: Source, recording: str, channels: dict[str, list[Row]]) -> Alignment:
    own = Source(source.path, "", repairs=list(source.repairs))
    tiers: list[Tier] = []
    for channel, rows in channels.items():
        name = "labels" if len(channels) == 1 else f"channel {channel}"
        name = unique_name(own, name, (tier.name for tier in tiers))
        tiers.append(mended_intervals(own, name, rows))
    return Alignment.of(tiers, own.sentences)


def write_ctm(tier: Tier, recording: str) -> str:
    """Channel 1 of one recording; intervals without a label are left out.

    Raises:
        UserError: points, a time before 0 s, blanks in a label or in the recording's name.
    """
    if not recording or re.search(r"\s", recording) or recording.startswith(";;"):
        raise UserError(f"recording {quoted(recording)}: a CTM needs a name of one word")
    lines = []
    for start, end, label in spoken(tier, "a CTM"):
        if " " in label or "\t" in label:
            raise UserError(f"label {quoted(label)} at {start:.6g} s: a CTM's have no blanks")
        first = Decimal(repr(float(start)))
        length = _EXACT.subtract(Decimal(repr(float(end))), first)
        lines.append(f"{recording} 1 {first:f} {length:f} {label}\n")
    return "".join(lines)
