"""The simplified README says what the traditional one says."""

from __future__ import annotations

import pytest

from tests.simplified import SIMPLIFIED, simplified


def test_the_simplified_readme_is_up_to_date() -> None:
    pytest.importorskip("opencc")
    written = SIMPLIFIED.read_text(encoding="utf-8")
    assert written == simplified(), "README.zh.md has changed: make readme"
