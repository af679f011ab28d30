"""From rows and their targets to a score, the mean of folds and a submission."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from safetensors.numpy import load_file
from sklearn.linear_model import LinearRegression

from bossline import api
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.data.splits import SplitConfig, split_corpus
from bossline.recipes import load_recipe
from bossline.runs.run import Run
from bossline.studies.ladder import cross_validate
from bossline.tasks.covid.scores import RegressionScores
from tests.conftest import over

QUIET = Console(quiet=True)
SPLIT = SplitConfig(by="utterance", test=0.2)
NETWORK = (
    "model={kind: regressor, network: {kind: mlp, depth: 1, width: 8}}",
    "epochs=20",
    "batches.size=16",
    "optimiser={kind: adam, lr: 1e-2}",
)


def rows_of(corpus: Corpus, numbers: np.ndarray) -> np.ndarray:
    return np.concatenate([corpus.frames(int(n)) for n in numbers]).astype(np.float64)


def train(name: str, *overrides: str) -> Run:
    recipe = load_recipe(name, overrides)
    return api.train(recipe, "survey", threads=1, device="cpu", console=QUIET)


def test_the_floor_is_linear_regression(survey: Corpus) -> None:
    run = train("covid/floor")
    chosen = split_corpus(survey, SPLIT)
    x, y = rows_of(survey, chosen["train"]), survey.targets[chosen["train"]]
    expected = LinearRegression().fit(x, y).predict(rows_of(survey, chosen["test"]))
    scores = run.scores["test"]
    assert isinstance(scores, RegressionScores)
    np.testing.assert_allclose(scores.predicted, expected, atol=1e-4)
    errors = (expected - survey.targets[chosen["test"]]) ** 2
    assert scores.score.value == pytest.approx(errors.mean(), rel=1e-4)
    assert scores.rmse.value == pytest.approx(np.sqrt(errors.mean()), rel=1e-4)
    assert (scores.unit, scores.count) == ("rows", 24)
    assert scores.score.low < scores.score.value < scores.score.high


def test_a_network_learns_and_keeps_its_lowest_error(survey: Corpus) -> None:
    run = train("covid/simple", *NETWORK)
    errors = [row["validation_mse"] for row in run.metrics() if row["kind"] == "epoch"]
    assert run.info.best_epoch == 1 + int(np.argmin(errors))
    assert run.scores["validation"].score.value == pytest.approx(min(errors), rel=1e-4)
    chosen = split_corpus(survey, SPLIT)
    assert run.scores["test"].score.value < np.var(survey.targets[chosen["test"]]) / 4


def test_patience_waits_for_a_lower_error(survey: Corpus) -> None:
    run = train("covid/simple", *NETWORK, "optimiser.lr=1e-9", "patience=3")
    epochs = [row for row in run.metrics() if row["kind"] == "epoch"]
    assert len(epochs) - (run.info.best_epoch or 0) <= 3


def test_folds_test_every_row_once_and_answer_together(survey: Corpus, tmp_path: Path) -> None:
    (floor,) = cross_validate(
        "covid", "survey", to="floor", folds=5, device="cpu", threads=1, console=QUIET
    )
    pooled = floor.scores["test"]
    assert isinstance(pooled, RegressionScores)
    assert sorted(pooled.ids) == sorted(survey.ids[:120])
    errors = np.concatenate(
        [
            np.square(np.subtract(one.true, one.predicted))
            for run in floor.runs
            if isinstance(one := run.scores["test"], RegressionScores)
        ]
    )
    assert pooled.score.value == pytest.approx(errors.mean())

    runs = list(floor.runs)
    assert api.submit(runs, tmp_path / "p.csv") == 20
    header, *rows = csv.reader((tmp_path / "p.csv").open())
    assert header == ["id", "tested_positive"]
    assert [id for id, _ in rows] == [str(number) for number in range(120, 140)]
    each = [[p.outputs[0] for p in api.predict(run, "unlabelled")] for run in runs]
    np.testing.assert_allclose([float(v) for _, v in rows], np.mean(each, axis=0), rtol=1e-6)


def test_units_come_from_training_rows_alone(survey: Corpus) -> None:
    run = train("covid/simple", *over(NETWORK, "epochs=1"))
    weights = load_file(run.best_weights)
    x = rows_of(survey, split_corpus(survey, SPLIT)["train"])
    np.testing.assert_allclose(weights["standard.mean"], x.mean(0), rtol=1e-6)
    np.testing.assert_allclose(weights["standard.scale"], x.std(0), rtol=1e-6)


def test_a_row_is_no_file(survey: Corpus, tmp_path: Path) -> None:
    run = train("covid/floor")
    (tmp_path / "row.csv").write_text("1\n")
    with pytest.raises(UserError, match="import the folder of the table"):
        api.predict(run, tmp_path / "row.csv")


def test_smoothing_and_label_smoothing_are_for_classes() -> None:
    with pytest.raises(UserError, match="smoothing: not for this task"):
        load_recipe("covid/floor", ["smoothing={kind: median}"])
    with pytest.raises(UserError, match="squared error"):
        load_recipe("covid/simple", ["objective.label_smoothing=0.1"])
