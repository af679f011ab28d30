"""Alignments: labels over time, from and to the formats of the field.

>>> from bossline.data import alignments
>>> said = alignments.read("sa1.TextGrid")                      # doctest: +SKIP
>>> said.repairs                                                # doctest: +SKIP
>>> alignments.write(said, "sa1.ctm", tier="phones")            # doctest: +SKIP
"""

from __future__ import annotations

from bossline.data.alignments.formats import (
    FORMATS,
    OF_ONE_TIER,
    WRITTEN,
    NoAlignment,
    read,
    read_all,
    write,
    written_format,
)
from bossline.data.alignments.model import (
    Alignment,
    Interval,
    IntervalTier,
    Point,
    PointTier,
    Tier,
)

__all__ = [
    "FORMATS",
    "OF_ONE_TIER",
    "WRITTEN",
    "Alignment",
    "Interval",
    "IntervalTier",
    "NoAlignment",
    "Point",
    "PointTier",
    "Tier",
    "read",
    "read_all",
    "write",
    "written_format",
]
