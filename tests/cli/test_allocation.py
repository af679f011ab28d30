"""How a process allocates is its own affair, unless it is bossline's and trains."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bossline import api, cli
from bossline.studies import side_by_side
from bossline.studies.study import open_study
from bossline.studies.sweep import sweep

SMALL = ("epochs=1", "batches.size=64", "model.width=8")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of the C library's mallopt."""
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("only glibc is told to keep memory")
    asked: list[str] = []

    class Library(ctypes.CDLL):
        def __getattr__(self, name: str) -> Any:
            if name == "mallopt":
                asked.append(name)
                return lambda *_: 1
            return super().__getattr__(name)

    monkeypatch.setattr(ctypes, "CDLL", Library)
    return asked


@pytest.mark.usefixtures("toy")
def test_a_program_around_it_allocates_as_before(told: list[str]) -> None:
    run = api.train("phoneme/simple", "toy", SMALL, device="cpu", console=Console(quiet=True))
    api.predict(run, "test", device="cpu")
    api.evaluate(run, device="cpu")
    study = open_study("phoneme/simple", [*SMALL[:2], "model.width=8,9"], seeds=1)
    sweep(study, "toy", device="cpu", console=Console(quiet=True))
    assert told == []


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "words",
    [
        ["train", "phoneme/simple"],
        ["ladder", "phoneme"],
        ["sweep", "phoneme/simple", "epochs=1,2"],
        ["ablate", "phoneme/boss", "augment"],
        ["tune", "phoneme/simple", "model.dropout=0.0..0.5"],
    ],
)
def test_commands_that_train_keep_freed_memory(
    words: list[str], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["bossline", *words, "--corpus", "nowhere"])
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    assert told == ["mallopt"]


def test_processes_of_a_sweep_keep_freed_memory(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = Pipe()
    here.close()
    monkeypatch.setattr(os, "setpgrp", lambda: None)
    monkeypatch.setattr(side_by_side, "_stop_with_the_parent", lambda: None)
    with pytest.raises(EOFError):
        side_by_side._work(there, side_by_side.Workplace("toy", Path(), "cpu", 1))
    assert told == ["mallopt"]
