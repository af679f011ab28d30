"""A disk that fills up while a run trains: one line, exit 2, nothing half-written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bossline.corpora.packed import Corpus
from bossline.training.run import Run

# No file may grow beyond the limit: the system's answer is that of a full disk, only its name is
# another.
CHILD = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.argv[1:] = sys.argv[2:]
from bossline import cli
cli.main()
"""


def bossline(limit: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CHILD, str(limit), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are a Unix matter")
def test_training_on_a_full_disk(toy: Corpus) -> None:
    train = (
        "train", "phoneme/simple", "-c", "toy", "--run", "runs/r", "--device", "cpu",
        "epochs=1", "batches.size=64", "model.width=200",
    )  # fmt: skip
    full = bossline(100_000, *train)
    assert full.returncode == 2, full.stderr
    assert "error: cannot write runs/r/" in full.stderr
    assert "Traceback" not in full.stderr
    assert not list(Path("runs/r").glob(".*.part"))
    assert bossline(10**9, "train", "--resume", "runs/r").returncode == 0
    assert Run("runs/r").info.state == "finished"
