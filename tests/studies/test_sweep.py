"""Sweeps over small recipes: results, reuse, kills, processes side by side, cells that fail."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from bossline import api, cli
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.evaluation.comparison import holm_adjusted, paired_difference
from bossline.runs.run import Run
from bossline.studies import kept
from bossline.studies.study import open_study
from bossline.studies.sweep import Sweep, sweep
from bossline.training.signals import Interrupted

SMALL = ("epochs=2", "batches.size=32", "optimiser.lr=1e-2")
GRID = (*SMALL, "model.width=4,8", "batches.frames=1..5:2")
FOLDER = Path("runs/sweep-phoneme-simple-toy")
CHILD = "import sys; from bossline.cli import main; sys.argv[0] = 'bossline'; main()"


def swept(arguments: tuple[str, ...] = GRID, *, seeds: int = 2, jobs: int = 1) -> Sweep:
    study = open_study("phoneme/simple", arguments, seeds=seeds)
    return sweep(study, "toy", jobs=jobs, device="cpu", threads=1, console=Console(quiet=True))


def table_of(found: Sweep) -> list[object]:
    """All that must not depend on interruptions."""
    return [
        (entry.name, entry.score, found.validation(place), found.comparisons.get(place))
        for place, entry in found.entries.items()
    ]


def finished() -> dict[Path, int]:
    """Every finished run, and when its weights were written."""
    return {
        path: (path / "best.safetensors").stat().st_mtime_ns
        for path in FOLDER.glob("simple-*")
        if Run(path).info.state == "finished"
    }


def command(*options: str, grid: tuple[str, ...] = GRID) -> list[str]:
    return [
        sys.executable, "-c", CHILD, "sweep", "phoneme/simple", *grid, "-c", "toy", "--seeds", "2",
        "--device", "cpu", "--threads", "1", *options,
    ]  # fmt: skip


def test_two_axes(toy: Corpus) -> None:
    found = swept()
    assert not found.failures
    assert len(finished()) == 12
    assert [entry.name for entry in found.entries.values()] == [
        f"width={width}, frames={frames}" for width in (4, 8) for frames in (1, 3, 5)
    ]
    scores = [[run.scores["test"] for run in entry.runs] for entry in found.entries.values()]
    for entry, seeds in zip(found.entries.values(), scores, strict=True):
        assert [run.recipe.seed for run in entry.runs] == [1, 2]
        mean = np.mean([sum(one.sums) / sum(one.lengths) for one in seeds])
        assert entry.score.value == pytest.approx(mean)
        assert entry.score.low < entry.score.value < entry.score.high
    expected = holm_adjusted([paired_difference(seeds, scores[0]) for seeds in scores[1:]])
    assert list(found.comparisons.values()) == expected

    before = finished()
    assert table_of(swept()) == table_of(found)
    swept((*SMALL, "model.width=4,8", "batches.frames=1,7"))
    assert len(finished()) == 16  # only what is new
    assert before.items() <= finished().items()


def test_sigkill_at_random_moments_changes_nothing(
    toy: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "whole").mkdir()
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path / "whole")
        whole = table_of(swept())
    random.seed(3)
    for _ in range(2):
        before = finished()
        child = subprocess.Popen(command(), stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while len(finished()) < len(before) + 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.3))
        child.kill()
        child.wait()
        assert before.items() <= finished().items()
    before = finished()
    assert 0 < len(before) < 12
    assert table_of(swept()) == whole
    assert before.items() <= finished().items()


def test_side_by_side_is_the_same(
    toy: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = ("epochs=2", "batches.size=32", "model.width=4,8", "optimiser.lr=1e-2,1e30")
    alone = swept(grid, seeds=1)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    both = swept(grid, seeds=1, jobs=2)
    assert table_of(both) == table_of(alone)
    assert set(both.failures) == {f"width={width}, lr=1e30, seed 1" for width in (4, 8)}
    assert both.failures == alone.failures
    assert all("NaN or infinite" in failure for failure in both.failures.values())


def test_a_dead_process_is_replaced_and_ctrl_c_stops_all(toy: Corpus) -> None:
    child = subprocess.Popen(
        command("--jobs", "2", grid=("epochs=100000", "model.width=4,8")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait_for_checkpoints(2, child)
    os.kill(_workers_of(child.pid)[0], signal.SIGKILL)
    _wait_for_checkpoints(3, child)
    workers = _workers_of(child.pid)
    assert len(workers) == 2
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=120)
    assert child.returncode == 130
    assert out.count("seed 1: failed: its process ended with exit code -9") == 1
    assert err.strip() == "stopped with 0 of 4 runs finished; the same command goes on"
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    for path in FOLDER.glob("simple-*"):
        with Run(path).locked():
            assert (path / "checkpoint.pt").is_file()


def test_ctrl_c_in_one_process(toy: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    reached = 0

    def train_then_signal(*arguments: object, **options: object) -> Run:
        nonlocal reached
        run = api.train(*arguments, **options)  # type: ignore[arg-type]
        reached += 1
        if reached == 2:
            signal.raise_signal(signal.SIGINT)
        return run

    monkeypatch.setattr(kept, "train", train_then_signal)
    with pytest.raises(Interrupted, match=r"stopped with 2 of 12 runs finished; the same command"):
        swept()
    assert len(finished()) == 2


def test_the_verb(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    grid = ("epochs=1", "batches.size=64", "model.width=4,8", "optimiser.lr=1e-2,1e30")
    code, out, err = _call(monkeypatch, capsys, *command(grid=grid)[3:])
    assert code == 2
    assert err.startswith("error: 4 runs failed:\n  width=4, lr=1e30, seed 1: ")
    found = swept(grid)
    for place, entry in found.entries.items():
        assert str(entry.score) in out
        assert f"validation {found.validation(place):.4f}" in out
    (compared,) = found.comparisons.values()
    assert f"{compared.difference.value:+.4f}" in out
    assert "1/8  width=4, lr=1e-2, seed 1: " in out
    page = (FOLDER / "report.html").read_text(encoding="utf-8")
    assert all(f"{entry.score.value:.4f}" in page for entry in found.entries.values())
    assert "bossline sweep phoneme/simple epochs=1" in page

    study = Path("own.yaml")
    study.write_text(
        "recipe: phoneme/simple\noverrides: [epochs=1, batches.size=64]\nseeds: 1\n"
        "cells: {narrow: [model.width=4], wide: [model.width=8]}\nreference: wide\n"
    )
    code, out, err = _call(monkeypatch, capsys, "sweep", "own.yaml", "-c", "toy")
    assert (code, err) == (0, "")
    assert re.search(r"^narrow .*\+|^narrow .*-", out, re.MULTILINE)
    assert Path("runs/sweep-own-toy/report.html").is_file()


def test_no_such_corpus(home: Path) -> None:
    with pytest.raises(UserError, match="toy"):
        swept()
    assert not FOLDER.exists()


def _call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["bossline", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    captured = capsys.readouterr()
    return int(stop.value.code or 0), captured.out, captured.err


def _wait_for_checkpoints(count: int, child: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while len(list(FOLDER.glob("*/checkpoint.pt"))) < count:
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _workers_of(pid: int) -> list[int]:
    """Its child processes; the tracker of multiprocessing's resources is none of ours."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            ours = "spawn_main" in (path / "cmdline").read_text()
        except (OSError, IndexError):
            continue
        if parent == pid and ours:
            found.append(int(path.name))
    return found
