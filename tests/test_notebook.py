"""What a notebook shows, completes and takes."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import bossline
from bossline.core.errors import UserError
from bossline.core.html import html_table
from bossline.data.packed import Corpus
from bossline.recipes import load_recipe
from bossline.recipes.overrides import as_text
from bossline.runs.run import Run
from bossline.tasks.speaker.prediction import SpeakerPrediction
from tests.conftest import write_toy

QUIET = Console(quiet=True)
SMALL_PAGE = """
task: phoneme
epochs: 1
batches: {kind: windows, frames: 3, size: 64}
model: {kind: mlp, depth: 1, width: 8}
optimiser: {kind: adam, lr: 2.0e-2}
"""
SMALL = {"epochs": 1, "batches.size": 64, "model.width": 8}


@pytest.fixture
def run(toy: Corpus) -> Run:
    return bossline.train(
        "phoneme/simple", bossline.open_corpus("toy"), SMALL, device="cpu", threads=1,
        console=QUIET,
    )  # fmt: skip


def test_completion_shows_the_public_names() -> None:
    assert dir(bossline) == sorted(bossline.__all__)
    tree = ast.parse(Path(bossline.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        name.name for node in block.body if isinstance(node, ast.ImportFrom) for name in node.names
    }
    assert seen | {"UserError", "__version__"} == set(bossline.__all__)


def test_an_open_corpus_is_called_by_its_name(run: Run) -> None:
    assert run.path == Path("runs/phoneme-simple-toy-1")
    assert run.corpus_name == "toy"
    assert run.corpus().key == run.corpus_key
    rungs = bossline.ladder(
        "phoneme", bossline.open_corpus("toy"), {"model.width": 8, "epochs": 1}, to="floor",
        device="cpu", console=QUIET,
    )  # fmt: skip
    assert [rung.path.parent for rung in rungs] == [Path("runs/ladder-phoneme-toy")]


def test_a_dict_sets_what_a_list_sets() -> None:
    listed = ["model.width=64", "augment=null", "optimiser={kind: sgd, lr: 0.1}"]
    given = {"model.width": np.int64(64), "augment": None, "optimiser": {"kind": "sgd", "lr": 0.1}}
    assert load_recipe("phoneme/simple", given) == load_recipe("phoneme/simple", listed)
    tiny = load_recipe("phoneme/simple", {"optimiser.lr": 1.25e-7})
    assert tiny.optimiser is not None
    assert tiny.optimiser.lr == 1.25e-7
    with pytest.raises(UserError, match=r"did you mean 'model\.width'"):
        load_recipe("phoneme/simple", {"model.widht": 64})
    with pytest.raises(UserError, match="override epochs: expected numbers, text"):
        load_recipe("phoneme/simple", {"epochs": object()})
    with pytest.raises(UserError, match=r"as \['epochs=3'\]"):
        as_text("epochs=3")


def test_what_is_there_is_listed(run: Run, own_home: Path) -> None:
    write_toy("1" * 64, seed=1, name="other")
    assert [corpus.name for corpus in bossline.list_corpora()] == ["other", "toy"]
    assert [found.path for found in bossline.list_runs()] == [run.path]
    assert bossline.list_runs("nowhere") == []
    (own_home / "corpora" / "other.json").write_text("{}")
    (run.path / "run.json").write_text("{")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert [corpus.name for corpus in bossline.list_corpora()] == ["toy"]
        assert bossline.list_runs() == []
    assert "other.json" in str(said[0].message)
    assert "run.json" in str(said[1].message)


def test_people_are_told_in_a_line_or_a_table(run: Run) -> None:
    test = run.scores["test"]
    assert repr(run) == (
        "Run('runs/phoneme-simple-toy-1': phoneme/simple (epochs=1, batches.size=64, "
        f"model.width=8) on toy, test accuracy {test.score})"
    )
    assert repr(test) == f"ClassificationScores(accuracy {test.score}, {test.count} frames)"
    assert repr(bossline.open_corpus("toy")) == "Corpus('toy', 34 utterances)"
    prediction, *_ = bossline.predict(run, "test", device="cpu")
    for shown, told in (
        (run, "phoneme/simple"),
        (test, str(test.score)),
        (bossline.open_corpus("toy"), "train 30, test 4"),
        (prediction, prediction.id),
    ):
        assert told in shown._repr_html_()
    (run.path / "scores.json").write_text("{")
    again = Run(run.path)
    assert "damaged" in repr(again)
    assert "damaged" in again._repr_html_()


def test_tables_speak_the_language_that_is_meant(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    prediction, *_ = bossline.predict(run, "test", device="cpu")
    shown = (run, run.scores["test"], bossline.open_corpus("toy"), prediction)
    english = [one._repr_html_() for one in shown]
    monkeypatch.setenv("BOSSLINE_LANG", "zh")
    chinese = [one._repr_html_() for one in shown]
    for one, words in zip(
        chinese,
        (
            ("配方", "狀態", "準確率，測試"),
            ("準確率 [95%]", "項目"),
            ("語句", "部分"),
            ("音素", "機率"),
        ),
        strict=True,
    ):
        assert all(word in one for word in words), one
    assert str(run.scores["test"].score) in chinese[0]
    monkeypatch.delenv("BOSSLINE_LANG")
    assert [one._repr_html_() for one in shown] == english


@pytest.mark.usefixtures("toy")
def test_studies_have_their_verbs_names() -> None:
    corpus = bossline.open_corpus("toy")
    where: dict[str, Any] = {"device": "cpu", "threads": 1, "console": QUIET}
    axes = {**SMALL, "model.width": [4, np.int64(8)]}
    found = bossline.sweep("phoneme/simple", corpus, axes, seeds=1, **where)
    assert [cell.name for cell in found.study.cells] == ["width=4", "width=8"]
    assert repr(found) == "Sweep('phoneme/simple' on toy: 2 of 2 cells)"
    table = found._repr_html_()
    assert f"<td>width=8</td><td>{found.validation(1):.4f}</td>" in table
    assert str(found.comparisons[1]) in table
    runs = list(found.runs.values())
    (legend,) = bossline.plot.learning_curves(found.runs).legends
    assert {"width=4", "width=8"} <= {text.get_text() for text in legend.get_texts()}
    compared = bossline.compare(runs)
    assert str(compared.standings.comparisons[0]) in compared._repr_html_()
    assert repr(compared).startswith("Standings(")
    Path("small.yaml").write_text(SMALL_PAGE)
    standings = bossline.ablate("small.yaml", corpus, ["clip=1"], add=True, **where)
    assert "<td>with clip=1</td>" in standings._repr_html_()
    tuned = bossline.tune("small.yaml", corpus, {"optimiser.lr": [1e-2, 1e-3]}, trials=2, **where)
    assert repr(tuned).startswith("Tuned('small.yaml' on toy: 2 trials, the best {'optimiser.lr'")
    assert "<th>optimiser.lr</th>" in tuned._repr_html_()
    assert repr(bossline.diagnose(runs[0], products=4, device="cpu", console=QUIET)).startswith(
        "Diagnosis('runs/sweep-phoneme-simple-toy/"
    )


def test_nothing_that_is_shown_is_markup() -> None:
    wicked = "<script>alert(1)</script>"
    one = SpeakerPrediction(wicked, np.array([[0.4, 0.6]], np.float32), (wicked, "<b>"))
    table = one._repr_html_()
    assert "<script>" not in table
    assert "<b>" not in table
    assert table.count("&lt;script&gt;") == 2
    assert "<td>&lt;i&gt;</td>" in html_table("", ["<u>"], [["<i>"]])
