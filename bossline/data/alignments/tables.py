"""A segment a row: CSV of our own, and the Montreal Forced Aligner's."""

from __future__ import annotations

import csv
import io

from bossline.core.errors import UserError
from bossline.data.alignments.mending import Row, mended_intervals, mended_points, unique_name
from bossline.data.alignments.model import Alignment, IntervalTier, Tier
from bossline.data.alignments.source import Source, digits

_COLUMNS = ("tier", "start", "end", "label")
_SYNONYMS = {"begin": "start", "type": "tier"}  # of the Montreal Forced Aligner


def csv_columns(line: str) -> dict[str, int]:
    """Where start, end, label and others stand, from a header.

    >>> csv_columns("Begin,End,Label,Type,Speaker")
    {'start': 0, 'end': 1, 'label': 2, 'tier': 3, 'speaker': 4}
    """
    words = next(csv.reader([line]), []) if len(line) < 1000 else []
    names = [word.strip().lower() for word in words]
    return {_SYNONYMS.get(name, name): place for place, name in enumerate(names)}


def read_csv(source: Source) -> Alignment:
    """Columns start (or Begin), end, label, and perhaps tier (or Type) and speaker, in seconds.

    A row without an end is a point. Where there are several speakers, tiers are named
    "speaker - tier".

    Raises:
        UserError: a column is missing, or a row cannot be put right.
    """
    columns = csv_columns(source.text.partition("\n")[0])
    if missing := [name for name in ("start", "end", "label") if name not in columns]:
        raise source.wrong(1, f"no column {' and no column '.join(missing)}")
    reader = csv.reader(io.StringIO(source.text, newline=""), strict=True)
    rows: dict[tuple[str, str], list[Row]] = {}
    points: set[tuple[str, str]] = set()
    try:
        next(reader)
        line = reader.line_num + 1
        for cells in reader:
            if cells:
                if len(cells) <= max(columns.values()):
                    raise source.wrong(line, f"{len(cells)} cells, expected {len(columns)}")
                found = {name: cells[place] for name, place in columns.items()}
                key = found.get("speaker", ""), found.get("tier") or "labels"
                start = source.seconds(found["start"].strip(), line)
                is_point = not found["end"].strip()
                end = start if is_point else source.seconds(found["end"].strip(), line)
                if rows.get(key) and is_point != (key in points):
                    raise source.wrong(line, f"points and intervals in one tier, '{key[1]}'")
                if is_point:
                    points.add(key)
                rows.setdefault(key, []).append(Row(start, end, found["label"], line))
            line = reader.line_num + 1
    except csv.Error as error:
        raise source.wrong(reader.line_num, f"not readable as CSV ({error})") from error
    several = len({speaker for speaker, _ in rows}) > 1
    tiers: list[Tier] = []
    for (speaker, name), found_rows in rows.items():
        name = f"{speaker} - {name}" if several else name
        name = unique_name(source, name, (tier.name for tier in tiers))
        mended = mended_points if (speaker, name) in points else mended_intervals
        tiers.append(mended(source, name, found_rows))
    return Alignment.of(tiers, source.sentences)


def write_csv(alignment: Alignment) -> str:
    """Columns tier, start, end, label; the end of a point is empty.

    Raises:
        UserError: a tier without a name, which a row could not say.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for tier in alignment.tiers:
        if not tier.name:
            raise UserError("a tier without a name, which a CSV needs")
        if isinstance(tier, IntervalTier):
            writer.writerows(
                (tier.name, digits(one.start), digits(one.end), one.label) for one in tier.intervals
            )
        else:
            writer.writerows(
                (tier.name, digits(point.time), "", point.label) for point in tier.points
            )
    return text.getvalue()
