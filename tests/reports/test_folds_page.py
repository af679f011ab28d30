"""A cross-validated ladder: on the page, in the overview and in the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from bossline.cli.tables.scores import folds_table
from bossline.evaluation.comparison import paired_difference
from bossline.reports.ladder import ladder
from bossline.reports.page import write_report
from bossline.reports.wording import signed, spread
from bossline.studies.folds import Folds
from tests.conftest import classified
from tests.reports.report_fakes import FakeRun, fake_run
from tests.reports.test_page import FEW, Page


def fake_folds(rung: str, accuracy: float, target: float) -> Folds:
    """Three folds that test on other utterances and differ a little."""
    runs: list[FakeRun] = []
    for fold in range(3):
        run = fake_run(rung, accuracy + 0.01 * fold, target, classes=FEW, utterances=8)
        run.name = f"{rung}-{fold}"
        test = run.scores["test"]
        names = tuple(f"fold-{fold}-{name}" for name in test.ids)
        run.scores["test"] = test.model_copy(update={"ids": names})
        run.info = run.info.model_copy(update={"seconds": 15000.0 + fold})
        runs.append(run)
    return Folds(tuple(runs))


@pytest.fixture(scope="module")
def rungs() -> list[Folds]:
    return [
        fake_folds("boss-small", 0.81, 0.79),
        fake_folds("boss", 0.82, 0.83),
        fake_folds("strong", 0.70, 0.74944),
    ]


@pytest.fixture(scope="module")
def page(rungs: list[Folds], tmp_path_factory: pytest.TempPathFactory) -> Page:
    path = write_report(rungs, tmp_path_factory.mktemp("report") / "ladder.html")
    return Page(path.read_text(encoding="utf-8"))


def test_the_page_shows_pooled_scores(rungs: list[Folds], page: Page) -> None:
    for rung in rungs:
        test = rung.scores["test"]
        assert f"{test.score.value:.4f} {spread(test.score)}" in page.text
        assert f"{classified(test).macro_f1:.4f}" in page.text
        assert f"{test.count:,} test frames" in page.text
        for run in rung.runs:
            assert f"{run.scores['test'].score.value:.4f} {run.name}" in page.text
    assert "12 h 30 min" in page.text
    boss_small, boss, _ = rungs
    found = paired_difference(boss.scores["test"], boss_small.scores["test"]).difference
    assert signed(found.value) in page.text
    assert "each tested once" in page.text


def test_pictures_are_of_the_first_fold_only(rungs: list[Folds], page: Page) -> None:
    # As in a ladder of three runs: the overview, two of training, five a rung.
    assert page.tags["figure"] == 1 + 2 + 3 * 5
    assert page.text.count("The whole recipe") == 3


def test_a_page_of_runs_says_nothing_of_folds(tmp_path: Path) -> None:
    path = write_report([fake_run(classes=FEW, utterances=4)], tmp_path / "r.html")
    assert "fold" not in Page(path.read_text(encoding="utf-8")).text.replace("fold: 0", "").replace(
        "fold 0", ""
    )


def test_the_overview_is_of_pooled_scores(rungs: list[Folds]) -> None:
    value = rungs[0].scores["test"].score.value
    shown = [text.get_text() for axes in ladder(rungs[:1]).axes for text in axes.texts]
    assert shown == [f"{value:.4f} ({signed(value - 0.79)})"]


def test_the_table_fits_80_columns(rungs: list[Folds]) -> None:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(folds_table(rungs))
    lines = capture.get().splitlines()
    assert max(map(len, lines)) <= 80
    for rung in rungs:
        assert any(str(rung.scores["test"].score) in line for line in lines)
    assert sum("1.28 M" in line for line in lines) == 3
    assert sum("12 h 30 min" in line for line in lines) == 3
    for above, below in ((rungs[1], rungs[0]), (rungs[2], rungs[1])):
        gain = paired_difference(above.scores["test"], below.scores["test"]).difference
        assert any(f"{gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]" in x for x in lines)
    assert any("no evidence of a difference" in line for line in lines)
