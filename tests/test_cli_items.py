"""The verbs on rows of a table and on images."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bossline.data.packed import Corpus
from bossline.runs.run import Run
from bossline.tasks.covid.scores import RegressionScores
from tests.test_cli import bossline  # noqa: F401 - a fixture

Bossline = Callable[..., tuple[int, str, str]]


def test_rows(bossline: Bossline, survey: Corpus) -> None:  # noqa: F811
    code, out, _ = bossline("corpus", "survey")
    known = survey.targets[np.isfinite(survey.targets)]
    assert code == 0
    assert f"mean {known.mean():.4g}, standard deviation {known.std():.4g}" in out
    assert "120 rows, with target" in out
    assert "20 rows, without target" in out
    assert "hours" not in out
    assert "140 rows" in bossline("corpus")[1]

    code, out, _ = bossline("train", "covid/floor", "-c", "survey", "--run", "runs/a")
    assert code == 0
    assert "lower is better" in out
    code, out, _ = bossline("evaluate", "runs/a")
    scores = Run("runs/a").scores["test"]
    assert isinstance(scores, RegressionScores)
    assert code == 0
    assert "RMSE" in out
    assert f"{scores.r2:.4f}" in out
    assert "precision" not in out

    code, out, _ = bossline("predict", "runs/a", "train")
    assert code == 0
    assert out.count("train/") == 20
    assert "more: write a file with -o" in out
    assert "rows" in bossline("predict", "runs/a", "test", "-o", "p.csv")[1]
    assert bossline("submit", "runs/a", "-o", "s.csv")[0] == 0
    with Path("s.csv").open() as stream:
        header, *rows = csv.reader(stream)
    assert header == ["id", "tested_positive"]
    assert [row[0] for row in rows] == [str(number) for number in range(120, 140)]


def test_a_sweep_and_a_comparison_of_rows(bossline: Bossline, survey: Corpus) -> None:  # noqa: F811
    code, out, _ = bossline(
        "sweep", "covid/floor", "model.l2=1e5,0", "-c", "survey", "--seeds", "1"
    )
    assert code == 0
    assert "l2=0 has the lowest validation mean squared error" in out
    assert "better: 1 of 1" in out
    bossline("train", "covid/floor", "model.l2=1e5", "-c", "survey", "--run", "runs/a")
    bossline("train", "covid/floor", "-c", "survey", "--run", "runs/b")
    code, out, _ = bossline("compare", "runs/a", "runs/b", "-o", "page.html")
    assert code == 0
    assert "Better than covid/floor (model.l2=100000.0): covid/floor (" in " ".join(out.split())
    assert "MACs of a row" in Path("page.html").read_text(encoding="utf-8")
    code, _, err = bossline("diagnose", "runs/b")
    assert code == 2
    assert len(err.splitlines()) == 1


def test_images(bossline: Bossline, dishes: Corpus) -> None:  # noqa: F811
    code, out, _ = bossline("corpus", "dishes")
    sides = [side for number in range(87) for side in dishes.image(number).shape[:2]]
    assert code == 0
    assert f"sides of {min(sides)} to {max(sides)} pixels" in out
    assert "9 images, without class" in out
    small = (
        "epochs=2", "batches.side=32", "batches.size=16", "batches.views=flip", "model.width=4",
        "model.depth=2", "model.hidden=[8]",
    )  # fmt: skip
    code, out, _ = bossline("train", "food/simple", *small, "-c", "dishes", "--run", "runs/a")
    assert code == 0
    assert "test accuracy" in out
    page = Path("runs/a/report.html").read_text(encoding="utf-8")
    assert "Confusion matrix of 3 classes" in page
    assert "Names the right one of 3 classes" in page
    assert "utterances" not in page
    code, out, _ = bossline("evaluate", "runs/a")
    assert code == 0
    assert "averaging views on test" in out
    assert "precision" in out
    code, out, _ = bossline("predict", "runs/a", "unlabelled")
    assert code == 0
    assert out.count("test/") == 9
    code, out, _ = bossline("diagnose", "runs/a", "--batches", "2", "--products", "4")
    assert code == 0
    assert "test images mean confidence" in out


def test_no_width_for_other_items(bossline: Bossline, survey: Corpus) -> None:  # noqa: F811
    code, _, err = bossline("width", "--like", "covid/simple", "--layers", "3")
    assert code == 2
    assert "regressor" in err
    code, _, err = bossline("width", "--like", "phoneme/strong", "--layers", "3", "-c", "survey")
    assert code == 2
    assert "holds rows" in err


@pytest.mark.parametrize("verb", ["train", "import", "predict"])
def test_help_names_tables_and_images(bossline: Bossline, verb: str) -> None:  # noqa: F811
    _, out, _ = bossline(verb, "--help")
    assert {"train": "covid", "import": "food", "predict": "image"}[verb] in out
