"""Training scores, and how soon a score is reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from bossline.studies.pace import pace, reached_by_all, training_score, validation_score
from bossline.studies.standings import Entry
from tests.reports.report_fakes import FakeRun, fake_run

FEW = ("SIL", "IY", "S", "T")


def run(name: str, validation: list[float], seconds: float) -> FakeRun:
    made = fake_run(classes=FEW, utterances=2)
    made.path = Path("runs") / name
    made.rows = [
        {
            "kind": "epoch", "epoch": epoch, "step": 10 * epoch, "best": True,
            "train_accuracy": score + 0.1, "validation_accuracy": score,
        }
        for epoch, score in enumerate(validation, 1)
    ]  # fmt: skip
    best = validation.index(max(validation)) + 1
    made.info = made.info.model_copy(update={"seconds": seconds, "best_epoch": best})
    return made


def entry(name: str, *runs: FakeRun) -> Entry:
    return Entry(name, runs, tuple(made.scores["test"] for made in runs))


def test_all_reach_what_the_weakest_reaches() -> None:
    fast = entry("fast", run("a", [0.5, 0.7, 0.8, 0.9], 40.0), run("b", [0.6, 0.8, 0.7, 0.7], 80.0))
    slow = entry("slow", run("c", [0.1, 0.2, 0.6, 0.5], 100.0))
    assert reached_by_all([fast, slow]) == 0.6
    found = pace(fast, 0.6)
    assert found is not None
    assert found.epochs == pytest.approx((2 + 1) / 2)
    assert found.seconds == pytest.approx((40 * 2 / 4 + 80 / 4) / 2)
    last = pace(slow, 0.6)
    assert last is not None
    assert (last.epochs, last.seconds) == (3, 75.0)


def test_the_training_score_is_that_of_the_best_epoch() -> None:
    assert training_score([run("a", [0.5, 0.7, 0.6], 1.0)]) == pytest.approx(0.8)
    fitted = fake_run(classes=FEW, utterances=2)
    fitted.rows = []
    assert training_score([fitted]) is None
    assert reached_by_all([entry("f", fitted)]) is None
    assert pace(entry("f", fitted), 0.5) is None


def test_scores_that_a_run_did_not_keep_have_no_validation() -> None:
    made = run("a", [0.5], 1.0)
    assert validation_score(entry("a", made)) == made.scores["validation"].score.value
    other = Entry("a", (made,), (made.scores["validation"],))
    assert validation_score(other) is None
