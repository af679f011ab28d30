"""A few hundred attacks of every kind; `make attack` goes on for as long as one likes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_nothing_comes_of_an_attack_but_the_same_or_one_message() -> None:
    # In a process that has used no threads yet, for it forks one for each case.
    found = subprocess.run(
        [
            sys.executable, "-m", "tests.attack", "--seed", "1",
            "--cases", "240", "--bombs", "60", "--kills", "4", "--crash-points", "16",
        ],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr
