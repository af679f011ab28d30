from __future__ import annotations

import io

import pytest
from rich.console import Console

from bossline.core import progress


def test_where_no_bar_is_seen_a_line_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    console = Console(file=out, width=80)
    with progress.bar(console, "files") as shown:
        shown.set("reading", 1, 2000)
    assert not out.getvalue()
    monkeypatch.setattr(progress, "SILENCE_SECONDS", 0.0)
    with progress.bar(console, "files") as shown:
        shown.set("reading", 1500, 2000)
    with progress.bar(console, "bytes") as shown:
        shown.advance(7)
    assert out.getvalue().splitlines() == ["reading 1,500 of 2,000 files", "working 7 bytes"]
