"""Algorithms that give the same bits every time, where they are asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from rich.console import Console

from bossline import api
from bossline.core.errors import UserError
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus
from bossline.runs.run import Run

SMALL = ["epochs=2", "batches.size=64", "model.width=8", "model.dropout=0.3"]


def train(run: str, seen: list[bool], deterministic: bool = False) -> Run:
    def look(epoch: int, score: float) -> None:
        seen.append(torch.are_deterministic_algorithms_enabled())

    return api.train(
        "phoneme/simple", "toy", SMALL, run=run, device="cpu", threads=1, watch=look,
        console=Console(quiet=True), deterministic=deterministic,
    )  # fmt: skip


def test_they_are_set_while_a_run_trains_and_change_no_number_on_a_cpu(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    seen: list[bool] = []
    plain = train("runs/plain", seen)
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    told = train("runs/told", seen, deterministic=True)
    assert seen == [False, False, True, True]
    assert not torch.are_deterministic_algorithms_enabled()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert told.best_weights.read_bytes() == plain.best_weights.read_bytes()
    assert told.info.deterministic
    assert not plain.info.deterministic
    assert told.info.hardware == f"{plain.info.hardware}, deterministic"


def test_resuming_stays_with_them(toy: Corpus) -> None:
    def stop(epoch: int, score: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.train(
            "phoneme/simple", "toy", SMALL, run="runs/a", device="cpu", threads=1, watch=stop,
            console=Console(quiet=True), deterministic=True,
        )  # fmt: skip
    seen: list[bool] = []
    api.resume(
        Path("runs/a"),
        console=Console(quiet=True),
        watch=lambda epoch, score: seen.append(torch.are_deterministic_algorithms_enabled()),
    )
    assert seen == [True]


def test_what_has_no_such_algorithm_is_refused_in_one_line() -> None:
    runtime = Runtime.choose("cpu", deterministic=True)
    problem = (
        "some_backward_cuda does not have a deterministic implementation, but you set "
        "'torch.use_deterministic_algorithms(True)'. You can turn it off ..."
    )
    expected = r"^some_backward_cuda: torch has no deterministic algorithm for it on cpu"
    with pytest.raises(UserError, match=expected), runtime.algorithms():
        raise RuntimeError(problem)
    with pytest.raises(RuntimeError, match="another"), runtime.algorithms():
        raise RuntimeError("another error")
    assert not torch.are_deterministic_algorithms_enabled()
