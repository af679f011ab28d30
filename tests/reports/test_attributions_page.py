"""What a run keeps of what its answers hang on, and what its report makes of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from safetensors.numpy import load_file
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from bossline import api
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus
from bossline.data.splits import split_corpus
from bossline.recipes import load_recipe
from bossline.reports.page import write_report
from bossline.runs.run import Run
from bossline.tasks.covid.pictures import columns_read
from bossline.tasks.covid.scores import RegressionScores
from bossline.tasks.food.occlusion import PLACES
from bossline.tasks.food.pictures import images_of
from bossline.tasks.food.prediction import ImagePrediction
from bossline.tasks.trained import TrainedModel
from tests.reports.test_page import Page

SMALL_NETWORK = "model={kind: regressor, network: {kind: mlp, depth: 1, width: 8}}"


def train(name: str, corpus: str, *overrides: str) -> Run:
    recipe = load_recipe(name, ["precision=float32", *overrides])
    return api.train(recipe, corpus, threads=1, device="cpu", console=Console(quiet=True))


def train_on_dishes(rate: float) -> Run:
    return train(
        "food/simple",
        "dishes",
        "epochs=2",
        "batches={kind: images, side: 32, size: 8, views: flip}",
        "model={kind: cnn, width: 4, depth: 2, hidden: [8]}",
        f"optimiser={{kind: adam, lr: {rate}}}",
    )


def page_of(run: Run, folder: Path) -> Page:
    return Page(write_report([run], folder / "r.html").read_text(encoding="utf-8"))


def test_images_of_a_run_are_those_of_its_test_split(dishes: Corpus, tmp_path: Path) -> None:
    run = train_on_dishes(1e-4)
    images, scores = images_of(run), run.scores["test"]
    assert images is not None
    assert [dishes.ids.index(id) for id in scores.ids] == [
        next(k for k in range(87) if np.array_equal(dishes.image(k), pixels))
        for pixels in images.pixels
    ]
    assert tuple((images.true == images.predicted).astype(float)) == scores.sums
    probabilities = {p.id: p for p in api.predict(run, "test")}
    for id, share in zip(scores.ids, images.confidence, strict=True):
        found = probabilities[id]
        assert isinstance(found, ImagePrediction)
        assert found.confidence == pytest.approx(float(share), abs=1e-3)

    right = (images.true == images.predicted)[images.mapped]
    assert 0 < right.sum() < len(right)
    assert right.tolist() == sorted(right, reverse=True)
    assert images.maps.shape == (len(right), PLACES, PLACES)
    wrong = np.flatnonzero(images.true != images.predicted)
    surest = sorted(images.confidence[wrong], reverse=True)[:3]
    assert sorted(images.confidence[images.mapped[~right]], reverse=True) == surest

    page = page_of(run, tmp_path)
    assert "Where the model looks" in page.text
    assert f"{len(wrong)} of 18 test images are misclassified" in page.text
    assert "Confusion matrix of 3 classes" in page.values("aria-label")
    assert (tmp_path / "r.html").stat().st_size < 1_500_000

    shutil.rmtree(dishes.path)
    page = page_of(run, tmp_path)
    assert "Where the model looks" not in page.text
    assert "misclassified" not in page.text
    assert "Confusion matrix of 3 classes" in page.values("aria-label")


def test_a_model_that_is_always_right_has_no_mistakes(dishes: Corpus, tmp_path: Path) -> None:
    run = train_on_dishes(1e-2)
    images = images_of(run)
    assert images is not None
    assert run.scores["test"].score.value == 1
    assert (len(images.mapped), images.maps.shape) == (3, (3, PLACES, PLACES))
    # A dish is told by its colour all over, so no single place decides.
    page = page_of(run, tmp_path)
    assert "misclassified" not in page.text
    assert "Where the model looks" in page.text


def test_a_linear_model_shows_its_weights(survey: Corpus, tmp_path: Path) -> None:
    run = train("covid/floor", "survey", "model={kind: ridge, columns: {kind: named, names: "
                "[cli, cli.1, ili.1]}}")  # fmt: skip
    read = columns_read(run)
    assert read is not None
    assert read.weights is not None
    trained = split_corpus(survey, run.recipe.split)["train"]
    x = np.concatenate([survey.frames(int(n)) for n in trained])[:, [1, 3, 4]]
    y = StandardScaler().fit_transform(survey.targets[trained][:, None])[:, 0]
    expected = LinearRegression().fit(StandardScaler().fit_transform(x.astype(float)), y).coef_
    np.testing.assert_allclose(read.weights[[1, 3, 4]], expected, atol=1e-5)
    assert read.weights[[0, 2]].tolist() == [0, 0]
    page = page_of(run, tmp_path)
    assert "The largest weights" in " ".join(page.values("aria-label"))
    assert "Permutation" not in page.text


def test_weights_of_changes_are_not_taken_for_those_of_columns(survey: Corpus) -> None:
    read = columns_read(train("covid/floor", "survey", "model={kind: ridge, changes: true}"))
    assert read is not None
    assert read.weights is None
    assert read.importances is not None
    # Least squares are the same by the changes, so the columns' true weights say what they cost:
    # the target is linear with [2, 0.5, -1, 0.1, 3] in columns of these variances.
    expected = 2 * np.square([2, 0.5, -1, 0.1, 3]) * [0.25, 25, 1, 25, 1]
    np.testing.assert_allclose(read.importances.mean(0), expected, rtol=0.5)


def test_any_other_model_shows_what_shuffling_costs(survey: Corpus, tmp_path: Path) -> None:
    run = train("covid/simple", "survey", SMALL_NETWORK, "epochs=30", "batches.size=16",
                "optimiser={kind: adam, lr: 1e-2}")  # fmt: skip
    read, test = columns_read(run), run.scores["test"]
    assert isinstance(test, RegressionScores)
    assert read is not None
    assert read.importances is not None
    assert read.names == ("AL", "cli", "ili", "cli.1", "ili.1")
    # By hand: each column shuffled, predicted by the run's own weights.
    predictor = TrainedModel(run, Runtime.choose("cpu", 1))
    rows = np.concatenate([survey.frames(survey.ids.index(id)) for id in test.ids])
    order = np.random.default_rng(0).permutation(len(rows))
    for column in range(5):
        shuffled = rows.copy()
        shuffled[:, column] = rows[order, column]
        error = np.mean((predictor.answers([shuffled]).array - np.array(test.true)) ** 2)
        grown = error - test.score.value
        assert read.importances[0, column] == pytest.approx(grown, rel=1e-4, abs=1e-4)
    page = page_of(run, tmp_path)
    assert "growth of the mean squared error" in page.text
    assert "Confusion" not in page.text
    assert "Predicted against true tested_positive.1 of 24 test rows" in page.values("aria-label")


def test_scores_of_earlier_versions_lack_the_pictures(survey: Corpus, tmp_path: Path) -> None:
    run = train("covid/floor", "survey")
    path = run.path / "predictions.safetensors"
    kept = set(load_file(path))
    assert {"utterances", "predicted", "weights"} <= kept
    path.unlink()
    page = page_of(run, tmp_path)
    assert "What the model reads" not in page.text
    assert "Predicted against true" in page.text
