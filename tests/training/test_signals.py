"""One Ctrl-C is a request; a second ends the process, whatever holds its main thread."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from bossline import api, cli
from bossline.data.packed import Corpus
from bossline.runs.run import Run
from bossline.tasks.base import Smoother
from bossline.tasks.phoneme.task import PhonemeLesson
from bossline.training.signals import stop_on_signal

SMALL = ("epochs=2", "batches.size=32", "model.width=8", "precision=float32")
LDA = "task: phoneme\nbatches: {kind: windows, frames: 3}\nmodel: {kind: lda}\n"

# What calls the given method once too often locks a mutex of its own twice: a native call that
# neither returns nor lets any handler of Python's run. A file, so that processes of its own get it.
CHILD = """
import ctypes, os, pathlib, sys
from bossline.cli import main
from bossline.tasks.phoneme.task import PhonemeLesson
from bossline.training import loop
from bossline.training.tally import Tally

loop.train.__defaults__ = (loop.Cadence(checkpoint_seconds=0, bar_seconds=0), None)
places = {"add": (Tally, "add", 20), "once": (PhonemeLesson, "once", 1)}
of, name, at = places[os.environ["STUCK_AT"]]
whole, calls = getattr(of, name), 0

def stuck(*arguments):
    global calls
    calls += 1
    if calls == at:
        pathlib.Path(f"stuck-{os.getpid()}").touch()
        mutex, libc = ctypes.create_string_buffer(256), ctypes.CDLL(None)
        for _ in range(2):
            libc.pthread_mutex_lock(mutex)
    return whole(*arguments)

setattr(of, name, stuck)
if __name__ == "__main__":
    main()
"""


@contextmanager
def stuck_child(
    *command: str, at: str = "add", processes: int = 1
) -> Iterator[subprocess.Popen[str]]:
    """A verb of bossline with one of its processes, or several, in a native call for ever."""
    Path("child.py").write_text(CHILD)
    child = subprocess.Popen(
        [sys.executable, "child.py", *command],
        env={**os.environ, "STUCK_AT": at},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 120
        while len(list(Path().glob("stuck-*"))) < processes:
            assert child.poll() is None, child.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield child
    finally:
        child.kill()
        child.wait()
        assert child.stderr is not None
        child.stderr.close()


def asked_twice(child: subprocess.Popen[str], first: int, second: int) -> str:
    """What it says at its end."""
    child.send_signal(first)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.5)
    child.send_signal(second)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    return said


def test_a_training_keeps_its_checkpoint(toy: Corpus) -> None:
    arguments = ("phoneme/strong", "--corpus", "toy", "--threads", "1", *SMALL)
    with stuck_child("train", *arguments, "--run", "runs/a") as child:
        said = asked_twice(child, signal.SIGINT, signal.SIGINT)
    assert said == "\nstopped at once; go on with: bossline train --resume runs/a\n"
    quiet = Console(quiet=True)
    finished = api.resume("runs/a", console=quiet)
    whole = api.train(
        "phoneme/strong", "toy", SMALL, run="runs/whole", device="cpu", threads=1, console=quiet
    )
    assert finished.best_weights.read_bytes() == whole.best_weights.read_bytes()


def test_a_fit(toy: Corpus) -> None:
    Path("lda.yaml").write_text(LDA)
    command = ("train", "lda.yaml", "--corpus", "toy", "--run", "runs/lda")
    with stuck_child(*command, at="once") as child:
        said = asked_twice(child, signal.SIGINT, signal.SIGTERM)
    assert said == "\nstopped at once; begin again with: bossline train --resume runs/lda\n"
    assert api.resume("runs/lda", console=Console(quiet=True)).info.state == "finished"


@pytest.mark.parametrize(
    "command",
    [
        ("tune", "phoneme/simple", "model.width=4,8", "--trials", "2"),
        ("ladder", "phoneme", "--to", "simple"),
    ],
    ids=lambda command: command[0],
)
def test_a_study(toy: Corpus, command: tuple[str, ...]) -> None:
    with stuck_child(*command, "epochs=2", "batches.size=32", "--corpus", "toy") as child:
        said = asked_twice(child, signal.SIGTERM, signal.SIGTERM)
    assert said == "\nstopped at once; the same command goes on\n"
    (run,) = Path("runs").glob("*/*/checkpoint.pt")
    assert Run(run.parent).info.state == "training"


def test_processes_side_by_side_end_with_their_parent(toy: Corpus) -> None:
    command = ("sweep", "phoneme/simple", "epochs=2", "batches.size=32", "model.width=4,8")
    with stuck_child(*command, "-c", "toy", "--seeds", "1", "--jobs", "2", processes=2) as child:
        said = asked_twice(child, signal.SIGINT, signal.SIGINT)
    assert said == "\nstopped at once; the same command goes on\n"
    workers = [Path("/proc", path.name.removeprefix("stuck-")) for path in Path().glob("stuck-*")]
    deadline = time.monotonic() + 60
    while any(worker.exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_blocks_within_share_the_request_and_nothing_is_left_behind() -> None:
    def state() -> list[object]:
        wakeup = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(wakeup)
        handlers = [signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)]
        return [*handlers, wakeup, threading.active_count()]

    before = state()
    with stop_on_signal("") as outer:
        with stop_on_signal("") as inner:
            assert not inner
            signal.raise_signal(signal.SIGTERM)
            assert inner
        assert outer
    assert state() == before
    with stop_on_signal("") as another:
        assert not another


def test_a_notebook_keeps_its_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "ps1", "In [1]: ", raising=False)

    def impatient() -> None:
        with stop_on_signal(""):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        impatient()


def test_another_thread_is_not_asked(toy: Corpus) -> None:
    arguments = {"run": "runs/a", "device": "cpu", "threads": 1, "console": Console(quiet=True)}
    thread = threading.Thread(
        target=api.train, args=("phoneme/strong", "toy", SMALL), kwargs=arguments
    )
    handler = signal.getsignal(signal.SIGINT)
    thread.start()
    assert signal.getsignal(signal.SIGINT) is handler
    thread.join()
    assert Run("runs/a").info.state == "finished"


def test_ctrl_c_while_scoring_says_how_to_go_on(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(self: PhonemeLesson, *arguments: object) -> None:
        raise KeyboardInterrupt

    command = ["bossline", "train", "phoneme/strong", "-c", "toy", "--run", "runs/a", *SMALL]
    monkeypatch.setattr(sys, "argv", command)
    with monkeypatch.context() as patch:
        patch.setattr(PhonemeLesson, "kept", interrupted)
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert ended.value.code == 130
    said = capsys.readouterr().err
    assert said == "stopped while scoring; go on with: bossline train --resume runs/a\n"
    assert api.resume("runs/a", console=Console(quiet=True)).scores.keys() >= {"test"}


def test_ctrl_c_in_a_ladder_is_one_line(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While a rung is scored, which ends well, so that only the next rung is missing."""
    fit_smoother = PhonemeLesson.fit_smoother

    def interrupted(self: PhonemeLesson) -> Smoother | None:
        signal.raise_signal(signal.SIGINT)
        return fit_smoother(self)

    command = ["bossline", "ladder", "phoneme", "-c", "toy", "--to", "simple", *SMALL[:2]]
    monkeypatch.setattr(sys, "argv", command)
    monkeypatch.setattr(PhonemeLesson, "fit_smoother", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130
    said = capsys.readouterr().err
    assert said.startswith("stopped at runs/ladder-phoneme-toy/")
    again = " ".join(["bossline", "ladder", "phoneme", *SMALL[:2], "--corpus toy --to simple"])
    assert said.endswith(f"; the same command goes on: {again}\n")
    assert said.count("\n") == 1
    (run,) = Path("runs/ladder-phoneme-toy").glob("*/")
    assert Run(run).info.state == "finished"
