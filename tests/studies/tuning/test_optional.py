from __future__ import annotations

import sys
from importlib import import_module

import pytest

from bossline.core.errors import UserError


def test_without_optuna_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "bossline.studies.tuning.optional", raising=False)
    with pytest.raises(UserError, match=r"pip install 'bossline\[tune\]'"):
        import_module("bossline.studies.tuning.optional")
