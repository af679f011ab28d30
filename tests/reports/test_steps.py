"""Every rung is held against the one below and against the floor."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rich.console import Console

from bossline.cli.tables.scores import runs_table
from bossline.evaluation.comparison import paired_difference
from bossline.reports.steps import above_the_floor, steps
from bossline.reports.wording import of_targets
from tests.reports.report_fakes import FakeRun, fake_run

FEW = ("SIL", "IY", "S", "T")


@pytest.fixture(scope="module")
def rungs() -> list[FakeRun]:
    scores = {"floor": 0.4, "simple": 0.5, "medium": 0.6, "strong": 0.7}
    return [fake_run(rung, value, classes=FEW, utterances=6) for rung, value in scores.items()]


def test_against_the_neighbour_and_the_floor(rungs: list[FakeRun]) -> None:
    found = [(step.upper, step.lower) for step in steps(rungs)]
    names = [f"phoneme/{rung}" for rung in ("floor", "simple", "medium", "strong")]
    assert found == [
        (names[1], names[0]), (names[2], names[1]), (names[3], names[2]),
        (names[2], names[0]), (names[3], names[0]),
    ]  # fmt: skip
    expected = paired_difference(rungs[3].scores["test"], rungs[0].scores["test"])
    assert above_the_floor(rungs)[-1].comparison == expected
    assert above_the_floor(rungs[1:]) == []


def test_the_terminal_says_so_too(rungs: list[FakeRun]) -> None:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(runs_table(rungs))
    assert "against phoneme/floor:" in capture.get()


def edition(name: str | None) -> Callable[[FakeRun], FakeRun]:
    def of(run: FakeRun) -> FakeRun:
        run.info = run.info.model_copy(update={"edition": name})
        return run

    return of


def test_a_target_belongs_to_its_data() -> None:
    run = edition("2022")(fake_run(classes=FEW, utterances=2))
    assert run.target is not None
    assert (run.target.edition, run.target.score) == ("2022", 0.5)
    assert of_targets([run]) == ["target: published score of 2022"]
    other = edition("")(fake_run(classes=FEW, utterances=2))
    assert other.target is None
    assert of_targets([other]) == ["no published score for this corpus"]
    before = edition(None)(fake_run(classes=FEW, utterances=2))
    assert before.target is None  # its corpus is gone: nobody knows
