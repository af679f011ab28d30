"""Killed at any instant and resumed, a run ends with the same bits."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from bossline import api
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.runs.run import Run
from bossline.tasks.phoneme.task import PhonemeLesson, PhonemeTask
from bossline.training import loop
from bossline.training.checkpoint import Progress, save_checkpoint
from bossline.training.contract import StepLoss
from bossline.training.signals import Interrupted
from bossline.training.tally import Tally
from tests.conftest import over

OVERRIDES = (
    "epochs=4",
    "batches.size=32",
    "model.depth=2",
    "model.width=16",
    "model.norm=batch",
    "model.dropout=0.3",
    "schedule={kind: plateau, patience: 0, gamma: 0.5, warmup: 5}",
    "optimiser={kind: adamw, lr: 1e-2}",
    "clip=1.0",
)
EMA = (*OVERRIDES, "averaging={kind: ema, decay: 0.9}")
SWA = (*OVERRIDES, "averaging={kind: swa, start: 0.25}")
KEPT = (*EMA, "keep=last", "keep_every=3")
MUON = tuple(over(OVERRIDES, "optimiser={kind: muon, lr: 1e-2, weight_decay: 0.1}"))
AUGMENTED = (
    *OVERRIDES[:1],
    "batches={kind: utterances, size: 32}",
    "model={kind: tagger, frame_stack: 2, shifts: 2, dropout: 0.3, encoder: {kind: tdnn}}",
    "model.encoder.width=12",
    "augment={kind: spec-augment, time_warp: {}, frequency_masks: {width: 2}, time_masks: {}}",
    "optimiser={kind: adamw, lr: 1e-2}",
)
QUIET = Console(quiet=True)

# Saves at every step, so that a kill lands before, in and after writing checkpoints.
CHILD = """
import sys
from rich.console import Console
from bossline import api
from bossline.training import loop
loop.train.__defaults__ = (loop.Cadence(checkpoint_seconds=0, bar_seconds=0), None)
action, run = sys.argv[1:3]
if action == "train":
    api.train("phoneme/strong", "toy", sys.argv[3:], run=run, device="cpu", threads=1,
              console=Console(quiet=True))
else:
    api.resume(run, device="cpu", console=Console(quiet=True))
"""


def of_steps(run: Path) -> list[Path]:
    """Weights that `keep_every` keeps."""
    return sorted(run.glob("weights-*.safetensors"))


def result_of(run: Path) -> dict[str, object]:
    """All that must not depend on interruptions."""
    metrics = Run(run).metrics()
    for record in metrics:
        record.pop("seconds", None)
        record.pop("per_second", None)
    return {
        **{file.name: file.read_bytes() for file in (run / "best.safetensors", *of_steps(run))},
        "scores": (run / "scores.json").read_bytes(),
        **{f"record {number}": record for number, record in enumerate(metrics)},
    }


@pytest.fixture
def overrides() -> tuple[str, ...]:
    return OVERRIDES


@pytest.fixture
def whole(toy: Corpus, overrides: tuple[str, ...]) -> Path:
    """A run that nothing interrupted."""
    return api.train(
        "phoneme/strong", "toy", overrides, run="runs/whole", threads=1, device="cpu", console=QUIET
    ).path


def test_sigkill_at_random_moments_changes_nothing(whole: Path) -> None:
    run = Path("runs/killed")
    random.seed(5)
    kills = 0
    child = subprocess.Popen([sys.executable, "-c", CHILD, "train", str(run), *OVERRIDES])
    while kills < 4 and child.poll() is None:
        before = (run / "checkpoint.pt").stat().st_mtime_ns if kills else 0
        deadline = time.monotonic() + 60
        while child.poll() is None and time.monotonic() < deadline:
            checkpoint = run / "checkpoint.pt"
            if checkpoint.exists() and checkpoint.stat().st_mtime_ns > before:
                break
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.15))
        child.send_signal(signal.SIGKILL)
        child.wait()
        kills += 1
        child = subprocess.Popen([sys.executable, "-c", CHILD, "resume", str(run)])
    assert child.wait() == 0
    assert kills >= 2
    assert result_of(run) == result_of(whole)


@pytest.mark.parametrize("overrides", [EMA, KEPT], ids=["ema", "kept"])
def test_epochs_shorter_than_a_save_share_one(
    whole: Path, overrides: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the third epoch, it goes on from the first, the last that was saved."""
    cadence = loop.Cadence(saving_share=1e-9)
    monkeypatch.setattr(loop.train, "__defaults__", (cadence, None))
    saved: list[int] = []

    def save_and_tell(path: Path, progress: Progress, *content: Any) -> None:
        saved.append(progress.epoch)
        save_checkpoint(path, progress, *content)

    monkeypatch.setattr(loop, "save_checkpoint", save_and_tell)
    batch = PhonemeLesson.batch

    def die_in_third_epoch(lesson: PhonemeLesson, epoch: int, step: int) -> Any:
        if epoch == 2 and step == 3:
            raise KeyboardInterrupt  # not by a signal: nothing more is done
        return batch(lesson, epoch, step)

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(PhonemeLesson, "batch", die_in_third_epoch)
        api.train(
            "phoneme/strong", "toy", overrides, run="runs/r", threads=1, device="cpu", console=QUIET
        )
    assert saved == [1]
    api.resume("runs/r", device="cpu", console=QUIET)
    assert saved == [1, 2, 4]
    assert result_of(Path("runs/r")) == result_of(whole)


@pytest.mark.parametrize(
    "overrides",
    [OVERRIDES, EMA, SWA, KEPT, MUON, AUGMENTED],
    ids=["plain", "ema", "swa", "kept", "muon", "augmented"],
)
@pytest.mark.parametrize("at", [1, 9, 18, 50])
def test_ctrl_c_saves_and_says_how_to_go_on(
    whole: Path, overrides: tuple[str, ...], at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The very signal, sent from inside the loop after a given number of steps."""
    steps = 0
    add = Tally.add

    def add_then_signal(self: Tally, loss: StepLoss) -> None:
        nonlocal steps
        add(self, loss)
        steps += 1
        if steps == at:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Tally, "add", add_then_signal)
    with pytest.raises(Interrupted, match=f"step {at}; go on with: bossline train --resume"):
        api.train(
            "phoneme/strong", "toy", overrides, run="runs/int", threads=1, device="cpu",
            console=QUIET,
        )  # fmt: skip
    monkeypatch.setattr(Tally, "add", add)
    api.resume("runs/int", console=QUIET, device="cpu")
    assert result_of(Path("runs/int")) == result_of(whole)


def crash_before_validation(
    run: str, overrides: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step of the first epoch is the last thing that the checkpoint knows of."""

    def crash(self: PhonemeTask, model: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loop.train, "__defaults__", (loop.Cadence(checkpoint_seconds=0), None))
    with monkeypatch.context() as patch:
        patch.setattr(PhonemeLesson, "validate", crash)
        with pytest.raises(KeyboardInterrupt):
            api.train(
                "phoneme/strong", "toy", overrides, run=run, threads=1, device="cpu", console=QUIET
            )


@pytest.mark.parametrize(
    "overrides", [OVERRIDES, EMA, SWA, AUGMENTED], ids=["plain", "ema", "swa", "augmented"]
)
def test_a_crash_between_the_last_step_and_the_validation(
    whole: Path, overrides: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_before_validation("runs/c", overrides, monkeypatch)
    api.resume("runs/c", console=QUIET, device="cpu")
    assert result_of(Path("runs/c")) == result_of(whole)


def test_a_checkpoint_older_than_averages_still_resumes(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_before_validation("runs/old", OVERRIDES, monkeypatch)
    checkpoint = Run("runs/old").checkpoint
    content = torch.load(checkpoint, weights_only=True)
    del content["average"]
    torch.save(content, checkpoint)
    api.resume("runs/old", console=QUIET, device="cpu")
    assert result_of(Path("runs/old")) == result_of(whole)


def test_a_run_in_use_is_refused(whole: Path) -> None:
    with Run(whole).locked(), pytest.raises(UserError, match="in use by another process"):
        api.evaluate(whole)


def test_resuming_a_finished_run_does_nothing(whole: Path) -> None:
    before = result_of(whole)
    api.resume(whole, console=QUIET)
    assert result_of(whole) == before
