"""A disk that fills up while a run trains: one line, exit 2, nothing half-written."""

from __future__ import annotations

import errno
import io
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bossline import api
from bossline.data.packed import Corpus
from bossline.runs.run import Run
from bossline.training.events import EventFile

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


def small_run(console: Console) -> Run:
    return api.train(
        "phoneme/simple", "toy", ("epochs=2", "batches.size=64", "model.width=4"), run="runs/r",
        device="cpu", threads=1, console=console,
    )  # fmt: skip


def test_tensorboard_alone_does_not_end_a_training(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorboard")
    asked, threads = [], threading.active_count()

    def full(self: EventFile, record: dict[str, Any]) -> None:
        asked.append(record)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(EventFile, "add", full)
    said = io.StringIO()
    run = small_run(Console(file=said, width=200))
    line = "no more for TensorBoard: runs/r/tensorboard: No space left on device"
    assert said.getvalue().count(line) == len(asked) == 1
    assert len(run.metrics()) > 2
    assert threading.active_count() == threads  # none that could end in a traceback of its own


def test_tensorboard_reads_what_was_written(toy: Corpus) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = small_run(Console(quiet=True))
    shown = EventAccumulator(str(run.path / "tensorboard"))
    shown.Reload()
    losses = [(event.step, event.value) for event in shown.Scalars("epoch/validation_loss")]
    kept = [(r["step"], r["validation_loss"]) for r in run.metrics() if r["kind"] == "epoch"]
    assert [step for step, _ in losses] == [step for step, _ in kept]
    assert [value for _, value in losses] == pytest.approx([value for _, value in kept])
