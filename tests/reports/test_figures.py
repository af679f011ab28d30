from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from matplotlib.figure import Figure

from bossline.evaluation.intervals import Interval
from bossline.figures.classes import per_class
from bossline.figures.confusion import confused_pairs, confusion
from bossline.figures.style import svg
from bossline.reports.curves import learning_curves
from bossline.reports.ladder import ladder
from bossline.reports.order import from_the_lowest_rung, labels
from bossline.reports.wording import Standing, standing
from tests.conftest import classified
from tests.reports.report_fakes import FakeRun, fake_run


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_confused_pairs_are_the_largest_errors() -> None:
    run = fake_run(utterances=8)
    classes, matrix = run.info.classes, np.array(classified(run.scores["test"]).confusion)
    pairs = confused_pairs(classified(run.scores["test"]), classes, count=5)
    errors = sorted(matrix[~np.eye(len(classes), dtype=bool)], reverse=True)
    assert [pair.count for pair in pairs] == errors[:5]
    for pair in pairs:
        row, column = classes.index(pair.true), classes.index(pair.predicted)
        assert pair.count == matrix[row, column]
        assert pair.share == pytest.approx(matrix[row, column] / matrix[row].sum())


def test_confusion_rows_sum_to_one_in_phonetic_order() -> None:
    run = fake_run(utterances=8)
    axes = confusion(classified(run.scores["test"]), run.info.classes).axes[0]
    drawn = axes.images[0].get_array()
    assert drawn is not None
    present = np.array(classified(run.scores["test"]).confusion).sum(1).astype(bool).sum()
    assert drawn.sum() == pytest.approx(present)
    assert [label.get_text() for label in axes.get_yticklabels()][:2] == ["IY", "IH"]


def test_per_class_counts_every_frame() -> None:
    run = fake_run(utterances=8)
    shown = texts(per_class(classified(run.scores["test"]), run.info.classes))
    counts = [int(text.replace(",", "")) for text in shown if text != "frames"]
    assert sum(counts) == run.scores["test"].count


def test_curves_ring_the_best_epoch() -> None:
    accuracy = learning_curves([fake_run(best=10)]).axes[0]
    ringed = [line for line in accuracy.lines if line.get_marker() == "o"]
    assert [list(np.asarray(line.get_xdata())) for line in ringed] == [[10]]


def test_ladder_shows_the_distance_to_the_target() -> None:
    run = fake_run(target=0.9, utterances=8)
    value = run.scores["test"].score.value
    assert texts(ladder([run])) == [f"{value:.4f} (−{0.9 - value:.4f})"]


@pytest.mark.parametrize(("low", "verdict"), [(0.75, "passed"), (0.74, "reached")])
def test_standing(low: float, verdict: Standing) -> None:
    assert standing(Interval(value=0.76, low=low, high=0.77), 0.75) == verdict
    assert standing(Interval(value=0.74, low=low - 0.1, high=0.77), 0.75) == "not yet"


def test_order_and_names() -> None:
    strong, simple = (
        fake_run("strong", target=0.7, utterances=2),
        fake_run("simple", target=0.5, utterances=2),
    )
    own = fake_run("own", utterances=2)
    own.recipe = own.recipe.model_copy(update={"target": {}})
    runs: list[FakeRun] = [own, strong, simple]
    assert [r.recipe.name for r in from_the_lowest_rung(runs)] == [
        "phoneme/simple",
        "phoneme/strong",
        "phoneme/own",
    ]
    assert labels([strong, strong, simple]) == [strong.name, strong.name, "phoneme/simple"]


def test_svg_from_several_threads_is_the_same() -> None:
    run = fake_run(utterances=2)

    def draw(_: int) -> str:
        return svg(learning_curves([run]), "curves", "k")

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(draw, range(6)))) == 1


def test_names_in_any_script_are_text_of_the_page() -> None:
    """The reader's browser has a font for them: no warning, and no box in their place."""
    figure = Figure()
    figure.text(0.1, 0.5, "王小明 พยัญชนะ Zoë")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "王小明 พยัญชนะ Zoë</text>" in svg(figure, "names", "n")
