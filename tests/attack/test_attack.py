"""A few hundred attacks of each kind; `make attack` goes on for as long as one likes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


# In processes of their own, which have used no threads yet: each case is forked.
@pytest.mark.parametrize(
    "attack",
    [
        ("--cases", "300"),
        ("--kills", "6", "--crash-points", "18"),
        ("--bombs",),
    ],
    ids=["damage", "kills", "bombs"],
)
def test_nothing_comes_of_it_but_the_same_or_one_message(attack: tuple[str, ...]) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "tests.attack", "--seed", "1", *attack],
        cwd=ROOT, capture_output=True, text=True, timeout=1200,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr
