from __future__ import annotations

import subprocess
import sys

import pytest
from matplotlib.figure import Figure
from rich.console import Console

import bossline
from bossline.data.packed import Corpus
from bossline.tasks.phoneme.pictures import example_of
from tests.conftest import classified


def test_import_waits_for_nothing() -> None:
    code = "import sys, bossline; assert not {'torch', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", bossline.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(bossline, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = bossline.trian


def test_a_notebook(toy: Corpus) -> None:
    """The README's session, on a small corpus."""
    run = bossline.train(
        "phoneme/simple", "toy", ["epochs=1", "batches.size=64"], device="cpu",
        console=Console(quiet=True),
    )  # fmt: skip
    assert 0 <= run.scores["test"].score.value <= 1
    again = bossline.load_run(run.path)
    assert again.scores == run.scores
    example = example_of(run)
    assert example is not None
    scores, classes = classified(run.scores["test"]), run.info.classes
    figures = [
        bossline.plot.learning_curves([run]),
        bossline.plot.learning_rate([run]),
        bossline.plot.ladder([run]),
        bossline.plot.confusion(scores, classes),
        bossline.plot.per_class(scores, classes),
        bossline.plot.example(example, classes),
    ]
    assert all(isinstance(figure, Figure) for figure in figures)
    predictions = bossline.predict(run, "test")
    assert [p.id for p in predictions] == list(scores.ids)
