"""Small studies: alone, gone on with, shared by processes, and killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bossline import api, cli
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.runs.run import Run
from bossline.training.signals import Interrupted
from bossline.training.tally import Diverged

optuna = pytest.importorskip("optuna")

from bossline.studies import kept  # noqa: E402
from bossline.studies.tuning import storage as storage_module  # noqa: E402
from bossline.studies.tuning.tune import tune  # noqa: E402
from bossline.studies.tuning.tuned import Tuned  # noqa: E402

SPACE = (
    "epochs=3", "batches.size=64", "batches.frames=1", "model.width=2..8:2",
    "optimiser.lr=1e-3..1e-1:log", "model.activation=relu,gelu",
)  # fmt: skip
FOLDER = Path("runs/tune-phoneme-simple-toy")
WORKER = """
import sys, time
import optuna
from rich.console import Console
from bossline.studies.tuning import storage
from bossline.studies.tuning.tune import tune

storage.HEARTBEAT, storage.GRACE = 1, 2
hangs, trials, *space = sys.argv[1:]
if hangs == "hangs":
    def report(trial, value, step):
        print("epoch", flush=True)
        time.sleep(600)
    optuna.Trial.report = report
tune("phoneme/simple", "toy", space, trials=int(trials), device="cpu", threads=1,
     console=Console(quiet=True))
"""


def search(*more: str, trials: int, **settings: Any) -> Tuned:
    return tune(
        "phoneme/simple", "toy", [*SPACE, *more], trials=trials, device="cpu", threads=1,
        console=Console(quiet=True), **settings,
    )  # fmt: skip


def start_worker(trials: int, *, hangs: bool = False) -> subprocess.Popen[str]:
    arguments = ["hangs" if hangs else "works", str(trials), *SPACE]
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, *arguments], stdout=subprocess.PIPE, text=True
    )


def opened_study(name: str = FOLDER.name) -> Any:
    return optuna.load_study(study_name=name, storage=f"sqlite:///{FOLDER / 'study.db'}")


def epochs_of(run: Run) -> list[int]:
    return [row["epoch"] for row in run.metrics() if row["kind"] == "epoch"]


def states(study: Any) -> list[str]:
    return [trial.state.name for trial in study.trials]


def test_a_study_finds_the_best_and_goes_on(toy: Corpus) -> None:
    found = search(trials=4)
    assert [trial.number for trial in found.trials] == [0, 1, 2, 3]
    runs = {trial.run: Run(FOLDER / trial.run) for trial in found.trials}
    scores = {name: run.scores["validation"].score.value for name, run in runs.items()}
    assert found.best.score == max(scores.values()) == scores[found.best.run]

    best = api.load_run(FOLDER / found.best.run)
    again = api.train(
        str(found.best_recipe_path), "toy", run="runs/again", device="cpu", threads=1,
        console=Console(quiet=True),
    )  # fmt: skip
    assert again.scores == best.scores

    more = search(trials=6)
    assert more.trials[:4] == found.trials
    assert len(more.trials) == 6
    assert search(trials=3).trials == more.trials


def test_another_plan_wants_a_name_of_its_own(toy: Corpus) -> None:
    search(trials=1)
    with pytest.raises(UserError, match=r"begun with another plan: .*--study NAME"):
        search("clip=1", trials=1)
    other = search("clip=1", trials=1, study="clipped")
    assert other.folder == Path("runs/tune-phoneme-simple-toy-clipped")
    assert other.recipe.clip == 1


def test_a_journal_keeps_trials_too(toy: Corpus) -> None:
    assert len(search(trials=2, storage="kept/a.journal").trials) == 2
    assert len(search(trials=3, storage="kept/a.journal").trials) == 3


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("study", "expected sqlite:///FILE"),
        ("sqlite:////nowhere/a.db", "cannot be opened"),
        ("nosuch://a", "cannot be opened"),
    ],
)
def test_a_storage_that_is_none(toy: Corpus, where: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        search(trials=1, storage=where)
    assert "\n" not in str(caught.value)


def test_a_pruned_run_can_be_resumed(toy: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optuna.Trial, "should_prune", lambda trial: trial.number == 1)
    found = search(trials=2)
    assert [trial.pruned_after for trial in found.trials] == [None, 1]
    run = Run(FOLDER / "trial-1")
    assert (run.info.state, epochs_of(run)) == ("training", [1])
    api.resume(run, console=Console(quiet=True))
    assert epochs_of(Run(run.path)) == [1, 2, 3]


def test_ctrl_c_keeps_the_trial_for_the_next_time(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = optuna.Trial.report

    def interrupted(trial: Any, value: float, step: int) -> None:
        report(trial, value, step)
        if (trial.number, step) == (1, 1):
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(optuna.Trial, "report", interrupted)
        with pytest.raises(Interrupted, match="stopped with 1 of 3 trials finished"):
            search(trials=3)
    assert states(opened_study()) == ["COMPLETE", "FAIL", "WAITING"]
    found = search(trials=3)
    assert [trial.run for trial in found.trials] == ["trial-0", "trial-1", "trial-3"]
    assert found.failed == 0
    assert epochs_of(Run(FOLDER / "trial-1")) == [1, 2, 3]
    tried = opened_study().trials
    assert tried[1].params == tried[2].params


def test_two_processes_share_the_trials(toy: Corpus) -> None:
    workers = [start_worker(4) for _ in range(2)]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    study = opened_study()
    assert study.user_attrs["workers"] == 2
    assert set(states(study)) <= {"COMPLETE", "PRUNED"}
    assert len(study.trials) == 4
    assert {path.name for path in FOLDER.glob("trial-*")} == {f"trial-{n}" for n in range(4)}
    for trial in study.trials:
        seen = epochs_of(Run(FOLDER / f"trial-{trial.number}"))
        assert seen == list(range(1, (trial.last_step or 0) + 1))


def test_a_killed_workers_trial_goes_on_elsewhere(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    with start_worker(2, hangs=True) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "epoch\n"
        killed.kill()
    assert states(opened_study()) == ["RUNNING"]
    monkeypatch.setattr(storage_module, "HEARTBEAT", 1)
    monkeypatch.setattr(storage_module, "GRACE", 2)
    began = time.monotonic()
    found = search(trials=2)
    assert time.monotonic() - began < 60
    study = opened_study()
    assert states(study).count("FAIL") == 1
    assert len(found.trials) == 2
    assert found.failed == 0
    retried = next(trial for trial in found.trials if trial.run == "trial-0")
    assert study.trials[retried.number].params == study.trials[0].params
    assert epochs_of(Run(FOLDER / "trial-0")) == [1, 2, 3]


def test_a_training_that_diverges_is_pruned(toy: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    train = api.train

    def diverges_once(*arguments: Any, run: Path, **settings: Any) -> Run:
        if run.name == "trial-0":
            raise Diverged("loss", 3, 0.1)
        return train(*arguments, run=run, **settings)

    monkeypatch.setattr(kept, "train", diverges_once)
    found = search(trials=2)
    assert [trial.score is None for trial in found.trials] == [True, False]


def test_failure_after_failure_ends_it(toy: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: Any, **settings: Any) -> Run:
        raise UserError("no such luck")

    monkeypatch.setattr(kept, "train", fails)
    with pytest.raises(UserError, match="5 trials in a row failed; the last: no such luck"):
        search(trials=2)


def test_no_time_no_trial(toy: Corpus) -> None:
    with pytest.raises(UserError, match="no trial was trained to its end"):
        search(trials=2, timeout=0)


def test_the_verb_writes_a_page(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["tune", "phoneme/simple", "-c", "toy", *SPACE, "--trials", "3", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["bossline", *arguments, "--threads", "1"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code
    out = " ".join(capsys.readouterr().out.split())
    found = search(trials=3)
    assert found.run is not None
    page = (FOLDER / "report.html").read_text(encoding="utf-8")
    for text in (out, page):
        assert f"validation accuracy {found.best.score:.4f}" in text
        assert f"{found.run.scores['test'].score.value:.4f}" in text
    assert page.count("<figure") == 2
    assert all(str(dimension) in page for dimension in found.plan.space)
