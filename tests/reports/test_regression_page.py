"""Pages and pictures of errors: lower is better, and nothing speaks of classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from bossline.core.errors import UserError
from bossline.evaluation.scores import MSE
from bossline.reports.curves import learning_curves
from bossline.reports.differences import differences
from bossline.reports.grid import compared_curves, heat_map
from bossline.reports.ladder import ladder
from bossline.reports.page import write_report
from bossline.reports.standings import verdict_of, write_ablation
from bossline.reports.sweep import verdict, write_sweep_report
from bossline.reports.wording import sentence
from bossline.studies.standings import Entry, Standings
from bossline.studies.study import open_study
from bossline.studies.sweep import Sweep
from bossline.tasks.covid.scores import RegressionScores
from tests.reports.report_fakes import FakeRun, fake_regression_run, fake_run

ERRORS = (1.4, 0.7, 1.0, 2.0)


def entry_of(name: str, run: FakeRun) -> Entry:
    return Entry(name, (run,), (run.scores["test"],))


def squares_of(run: FakeRun, split: str = "test") -> np.ndarray:
    scores = run.scores[split]
    assert isinstance(scores, RegressionScores)
    return np.square(np.subtract(scores.true, scores.predicted))


@pytest.fixture(scope="module")
def found() -> Sweep:
    study = open_study("covid/simple", ("model.network.width=4,8", "batches.size=32,64"), seeds=1)
    runs = [fake_regression_run("simple", error) for error in ERRORS]
    entries = {
        place: entry_of(cell.name, run)
        for place, (cell, run) in enumerate(zip(study.cells, runs, strict=True))
    }
    return Sweep(study, "survey", entries, {})


def test_a_sweep_chooses_the_lowest_error(found: Sweep) -> None:
    means = [np.mean(squares_of(fake_regression_run("simple", e), "validation")) for e in ERRORS]
    assert found.chosen == int(np.argmin(means)) == 1
    text = verdict(found)
    assert f"{found.entries[1].name} has the lowest validation mean squared error" in text
    assert f"({means[1]:.4f})" in text
    assert "better: 2 of 3, worse: 1" in text


def test_the_lowest_error_is_the_brightest(found: Sweep) -> None:
    _, axes = heat_map(found).axes
    (image,) = axes.images
    shown = np.asarray(image.get_array())
    scores = np.array([found.entries[k].score.value for k in range(4)]).reshape(2, 2)
    assert np.unravel_index(shown.argmax(), shown.shape) == np.unravel_index(
        scores.argmin(), scores.shape
    )
    black = [t.get_text() for t in axes.texts if t.get_color() == "black"]
    assert f"{scores.min():.4f}" in black
    assert f"{scores.max():.4f}" not in black


def test_less_error_is_better_and_green() -> None:
    runs = [fake_regression_run(str(error), error) for error in (1.0, 0.4, 3.0)]
    first, *others = [entry_of(f"e{k}", run) for k, run in enumerate(runs)]
    standings = Standings.of(first, others)
    means = [np.mean(squares_of(run)) for run in runs]
    verdicts = [comparison.verdict for comparison in standings.comparisons]
    assert verdicts == ["better", "worse"]
    for mean, comparison in zip(means[1:], standings.comparisons, strict=True):
        assert comparison.difference.value == pytest.approx(mean - means[0])
    assert verdict_of(standings).startswith("Better than e0: e1 (−")
    (axes,) = differences(standings).axes
    assert "lower is better" in axes.get_xlabel()
    colours = [to_rgba(line.get_color()) for line in axes.lines if line.get_marker() == "o"]
    green, red = colours
    assert green[1] > green[0]
    assert red[0] > red[1]


def test_curves_of_an_error_fall_on_one_logarithmic_panel(found: Sweep) -> None:
    run = fake_regression_run()
    (axes,) = learning_curves([run]).axes
    assert (axes.get_title(loc="left"), axes.get_yscale()) == ("Mean squared error", "log")
    drawn = [row["validation_mse"] for row in run.metrics()]
    assert any(list(np.asarray(line.get_ydata())) == drawn for line in axes.lines)
    (compared,) = compared_curves(found).axes
    assert compared.get_ylabel() == "validation mean squared error (lower is better)"
    accuracy, loss = learning_curves([fake_run(utterances=2)]).axes
    assert (accuracy.get_yscale(), loss.get_title(loc="left")) == ("linear", "Loss (nats)")


def test_a_ladder_of_errors_has_no_targets() -> None:
    run = fake_regression_run()
    assert run.recipe.target
    assert run.target is None
    figure = ladder([run])
    assert figure.axes[0].get_xlabel() == "test mean squared error (lower is better)"
    names = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert names == [MSE.words, "95% interval"]


def test_the_sentence_has_the_figures_of_the_errors() -> None:
    run = fake_regression_run(error=1.3)
    scores = run.scores["test"]
    assert isinstance(scores, RegressionScores)
    squares, true = squares_of(run), np.array(scores.true)
    explained = 1 - squares.sum() / ((true - true.mean()) ** 2).sum()
    text = sentence(run)
    assert "Predicts tested_positive of 80 test rows" in text
    assert f"a mean squared error of {squares.mean():.4f}" in text
    assert f"RMSE {np.sqrt(squares.mean()):.4f}; explains {explained:.1%} of the variance" in text
    assert "variance" not in sentence(fake_regression_run(error=9.0))


def test_an_unfinished_run_has_its_lowest_error_so_far() -> None:
    run = fake_regression_run(epochs=4, best=4)
    run.scores = {}
    lowest = min(row["validation_mse"] for row in run.metrics())
    assert f"Best validation mean squared error so far: {lowest:.4f}, after epoch 4" in sentence(
        run
    )


def test_the_page(tmp_path: Path) -> None:
    runs = [fake_regression_run("floor", 1.5), fake_regression_run("simple", 0.8)]
    text = write_report(runs, tmp_path / "page.html").read_text(encoding="utf-8")
    for word in ("accuracy", "macro F1", "confused", "Passed", "utterances", "target</th>"):
        assert word not in text
    for run in runs:
        scores = run.scores["test"]
        assert isinstance(scores, RegressionScores)
        for value in (scores.score.value, scores.rmse.value, scores.r2):
            assert f"{value:.4f}" in text
    assert "The lower the mean squared error, the better" in text
    assert '<span class="chip better">better</span>' in text


def test_pages_of_studies_say_which_way_is_better(
    found: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, *others = found.entries.values()
    ablation = write_ablation(
        Path("a.html"), Standings.of(first, others), added=True, command="bossline ablate"
    )
    for path in (write_sweep_report(found, "bossline sweep"), ablation):
        text = path.read_text(encoding="utf-8")
        assert "mean squared error: lower is better" in text
        assert "accuracy" not in text
        assert "utterances" not in text


def test_runs_of_two_measures_share_no_page(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="covid and phoneme are measured in different ways"):
        write_report([fake_run(utterances=2), fake_regression_run()], tmp_path / "page.html")
