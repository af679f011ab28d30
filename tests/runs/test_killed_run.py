"""Ends at any write, and what is found there afterwards."""

from __future__ import annotations

import math
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bossline import api
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.runs import engine
from bossline.runs.run import Run
from bossline.training import loop

QUIET = Console(quiet=True)
SMALL = ("epochs=2", "batches.size=64", "model.width=8", "smoothing={kind: viterbi}")
EVERY_EPOCH = loop.Cadence(saving_share=math.inf, bar_seconds=9)


class Killed(BaseException):
    pass


def train(run: str, **further: Any) -> Run:
    return api.train(
        "phoneme/simple", "toy", SMALL, run=run, device="cpu", threads=1, console=QUIET, **further
    )


def result(run: Run) -> list[object]:
    return [run.best_weights.read_bytes(), run.scores, (run.path / "recipe.yaml").read_bytes()]


def test_a_kill_at_any_write_accuses_no_file(toy: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before each of the renames that a whole training makes: that is after the one before it."""
    monkeypatch.setattr(loop.train, "__defaults__", (EVERY_EPOCH, None))
    replace, count, at = os.replace, 0, -1

    def replace_or_die(source: str, target: str) -> None:
        nonlocal count
        count += 1
        if count == at:
            raise Killed
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_or_die)
    whole = train("runs/whole")
    expected, writes = result(whole), count
    assert writes > 12
    for write in range(1, writes + 1):
        shutil.rmtree("runs/r", ignore_errors=True)
        count, at = 0, write
        with suppress(Killed):
            train("runs/r")
        at = -1
        run = Run("runs/r") if Path("runs/r").exists() else train("runs/r")
        if run.best_weights.exists():
            api.predict(run, "test", smoothing="none", device="cpu")
        if (run.path / "smoothing.safetensors").exists():
            api.predict(run, "test", device="cpu")
        api.resume(run.path, console=QUIET)
        found = Run("runs/r")
        assert result(found) == expected
        assert {len(known) for known in found.info.sha256.values()} == {1}


def test_no_checkpoint_stays_with_a_finished_run(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the run is called finished, and before its checkpoint is removed."""

    unlink = Path.unlink

    def unlink_or_die(path: Path, missing_ok: bool = False) -> None:
        if path.name == "checkpoint.pt":
            raise Killed
        unlink(path, missing_ok)

    with monkeypatch.context() as patch, suppress(Killed):
        patch.setattr(Path, "unlink", unlink_or_die)
        train("runs/r")
    assert Run("runs/r").is_finished
    assert Run("runs/r").checkpoint.exists()
    shutil.copytree("runs/r", "runs/s")
    api.resume("runs/r", console=QUIET)
    api.evaluate("runs/s")
    assert not Run("runs/r").checkpoint.exists()
    assert not Run("runs/s").checkpoint.exists()


@pytest.mark.parametrize("left", [[], ["run.json"], [".run.json.12345678.part", ".lock"]])
def test_a_folder_that_a_kill_left_without_recipe_is_taken(toy: Corpus, left: list[str]) -> None:
    Path("runs/r").mkdir(parents=True)
    for name in left:
        (Path("runs/r") / name).write_text("{}")
    assert train("runs/r").info.state == "finished"


def test_a_folder_with_anything_else_in_it_is_not(toy: Corpus) -> None:
    Path("runs/r").mkdir(parents=True)
    (Path("runs/r") / "best.safetensors").write_bytes(b"dear")
    with pytest.raises(UserError, match=r"runs/r exists: .*it has no recipe\.yaml"):
        train("runs/r")
    assert (Path("runs/r") / "best.safetensors").read_bytes() == b"dear"


def test_unfinished_files_are_swept_at_the_next_start(toy: Corpus) -> None:
    run = train("runs/r")
    left = run.path / ".checkpoint.pt.k1ll3d_x.part"
    left.write_bytes(b"half")
    api.evaluate(run)
    assert not left.exists()


def test_a_run_is_scored_though_its_corpus_is_gone_meanwhile(toy: Corpus, home: Path) -> None:
    expected = result(train("runs/whole"))

    def remove(epoch: int, score: float) -> None:
        shutil.rmtree(home, ignore_errors=True)

    run = train("runs/r", watch=remove)
    assert run.info.state == "finished"
    assert result(run) == expected
    shown = (run.path / "predictions.safetensors").read_bytes()
    assert shown == Path("runs/whole/predictions.safetensors").read_bytes()


@pytest.mark.parametrize("verb", ["evaluate", "resume"])
def test_a_run_that_could_not_be_scored_is_finished_later(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    expected = result(train("runs/whole"))

    def refuse(*arguments: object) -> None:
        raise UserError("no corpus 'toy'")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "_score", refuse)
        with pytest.raises(
            UserError,
            match=r"runs/r is trained, but not scored: no corpus 'toy'.*'bossline evaluate runs/r'",
        ):
            train("runs/r")
    run = Run("runs/r")
    assert run.info.state == "training"
    weights = run.best_weights.stat().st_mtime_ns
    if verb == "evaluate":
        api.evaluate(run)
    else:
        api.resume(run, console=QUIET)
    found = Run("runs/r")
    assert found.info.state == "finished"
    assert not found.checkpoint.exists()
    assert found.best_weights.stat().st_mtime_ns == weights
    assert result(found) == expected


def test_a_run_stopped_in_the_middle_is_not_finished_by_its_scores(toy: Corpus) -> None:
    def stop(epoch: int, score: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train("runs/r", watch=stop)
    api.evaluate("runs/r")
    assert Run("runs/r").info.state == "training"
    assert Run("runs/r").checkpoint.exists()
