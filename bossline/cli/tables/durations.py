"""How long phones last. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from bossline.cli.tables.layout import new_table
from bossline.tasks.phoneme.durations import Duration


def durations_table(found: Sequence[Duration], hop_ms: float) -> Table:
    """
    Args:
        found: all phones together, then each.
        hop_ms: from frame to frame.
    """
    head = ("phone", "segments", "mean ms [95 %]", "5 %", "median", "95 %")
    table = new_table(*head, right=head[1:])
    for one in found:
        mean = f"{one.mean.value:.0f} [{one.mean.low:.0f}, {one.mean.high:.0f}]"
        table.add_row(one.phone, f"{one.count:,}", mean, *(f"{ms:.0f}" for ms in one.quantiles))
    _, half, most = (round(ms / hop_ms) for ms in found[0].quantiles)
    table.caption = (
        f"5, 50 and 95 % of the segments last at most so many ms. A window of 2 n - 1 frames sees "
        f"a phone of n frames whole from each of them: batches.frames={2 * half - 1} half of all "
        f"phones, {2 * most - 1} 95 % of them."
    )
    table.caption_justify = "left"
    return table
