"""The suite leaves the user's own corpora alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bossline.data.store import home

TESTS = Path(__file__).parent


def test_every_test_has_a_home_of_its_own(tmp_path: Path) -> None:
    assert home() == tmp_path / "home"


def test_importing_in_a_test_that_asks_for_no_home_leaves_the_users(tmp_path: Path) -> None:
    users = tmp_path / "users"
    importing = "data/test_voice_recordings.py::test_each_folder_is_a_speaker"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"{TESTS / importing}"],
        check=True,
        capture_output=True,
        cwd=TESTS.parent,
        env={**os.environ, "BOSSLINE_HOME": str(users), "XDG_CACHE_HOME": str(users)},
    )
    assert {path.name for path in users.glob("*")} <= {"matplotlib"}  # its list of fonts
