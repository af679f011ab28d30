"""Names are the user's: whatever stands in them, every table shows it as it is."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import numpy as np
import pytest
from rich.table import Table

from bossline.cli import options
from bossline.cli.tables.corpora import classes_table, corpora_table, corpus_table
from bossline.cli.tables.predictions import likeliest_table, predictions_table, segments_table
from bossline.cli.tables.scores import folds_table, per_class_table, runs_table, scores_table
from bossline.cli.tables.studies import standings_table, study_table, sweep_table
from bossline.cli.tables.voices import candidates_table
from bossline.core.language import speaking
from bossline.core.progress import bar
from bossline.core.terminal import terminal
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.store import pack_path
from bossline.data.writer import writing
from bossline.evaluation.classification import ClassificationScores
from bossline.reports.study import StudyTable
from bossline.studies.folds import Folds
from bossline.studies.grid import Cell
from bossline.studies.standings import Entry, Standings
from bossline.studies.study import Study
from bossline.studies.sweep import Sweep
from bossline.tasks.food.prediction import ImagePrediction
from bossline.tasks.phoneme.prediction import FramePrediction
from bossline.tasks.speaker.gallery import Enrolment
from bossline.tasks.speaker.identifying import Candidate, Identification
from bossline.tasks.speaker.prediction import SpeakerPrediction
from tests.reports.report_fakes import FakeRun, fake_run

# Markup that would be taken, closed without being open, a link, a picture; all as a name has it.
ODD = ("[noise]", "[/noise]", "[bold]x", "[link=x]y[/]", ":cat:", "[a]\\[b]\\", "[/]")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[[Table], str]:
    """What the command prints, on one long line a row."""
    monkeypatch.setenv("COLUMNS", "400")

    def show(table: Table) -> str:
        with options.console.capture() as captured:
            options.console.print(table)
        return captured.get()

    return show


@pytest.fixture(params=ODD)
def odd(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def a_run(name: str, accuracy: float = 0.7) -> FakeRun:
    run = fake_run("strong", accuracy, classes=("a", "b"), utterances=4)
    run.recipe = run.recipe.model_copy(update={"name": name})
    run.info = run.info.model_copy(update={"corpus_note": f"said {name}", "seconds": 60.0})
    return run


def entry(name: str, accuracy: float) -> Entry:
    run = a_run(name, accuracy)
    return Entry(name, (run,), (run.scores["test"],))


@pytest.mark.usefixtures("home")
def test_corpora(odd: str, shown: Callable[[Table], str]) -> None:
    with writing(
        pack_path("a" * 64),
        features=FeatureSpec(kind="other", dim=2),
        classes=("SIL", odd),
        source=Source(reader="test", path=f"/data/{odd}"),
        note=f"of {odd}!",
    ) as writer:
        frames = np.arange(6, dtype=np.float32).reshape(3, 2)
        writer.add("u", frames, part="train", labels=np.array([0, 1, 1]), speaker="s")
    corpus = Corpus(pack_path("a" * 64))
    assert f"/data/{odd}" in shown(corpora_table([(odd, corpus)]))
    assert f"{odd} " in shown(corpora_table([(odd, corpus)]))
    assert f" {odd} " in shown(classes_table(corpus))
    one = shown(corpus_table(odd, corpus))
    assert f"{odd} (test)" in one
    assert f"of {odd}!" in one


def test_runs(odd: str, shown: Callable[[Table], str]) -> None:
    for text in (
        shown(runs_table([a_run(odd)])),
        shown(folds_table([Folds((a_run(odd),))])),
        shown(standings_table(Standings.of(entry("first", 0.7), [entry(odd, 0.8)]))),
    ):
        assert odd.rpartition("/")[2] in text
        assert f"said {odd}" in text


def test_scores_class_by_class(odd: str, shown: Callable[[Table], str]) -> None:
    scores = a_run("any").scores["test"]
    assert isinstance(scores, ClassificationScores)
    assert f"{odd} " in shown(per_class_table(scores, ("SIL", odd)))
    assert f"{odd} " in shown(scores_table({"test": scores, odd: scores}))


def test_a_sweep(odd: str, shown: Callable[[Table], str]) -> None:
    recipe = a_run(odd).recipe
    cells = (Cell(odd, ()), Cell("other", ()))
    study = Study("any", "", (), (), cells, (recipe, recipe), (1,), 0)
    text = shown(sweep_table(Sweep(study, odd, {0: entry(odd, 0.7), 1: entry("other", 0.8)}, {})))
    assert f"{odd} " in text
    assert f"reference: {odd}" in text


def test_a_table_of_a_study(odd: str, shown: Callable[[Table], str]) -> None:
    text = shown(study_table(StudyTable("any", ("cell", f"of {odd}"), [(odd, "text")])))
    assert f"{odd} " in text
    assert f"of {odd}" in text


def test_predictions(odd: str, shown: Callable[[Table], str]) -> None:
    certain = np.array([[0.1, 0.9]], dtype=np.float32)
    frames = FramePrediction(
        f"id {odd}",
        np.repeat(certain, 3, 0),
        np.ones(3, np.int64),
        ("SIL", odd),
        FeatureSpec(kind="other", dim=2),
    )
    text = shown(segments_table(frames))
    assert f"id {odd}" in text
    assert f" {odd} " in text
    for kind in (SpeakerPrediction, ImagePrediction):
        prediction = kind(f"id {odd}", certain, ("SIL", odd))
        assert f"id {odd}" in shown(likeliest_table(prediction))
        assert f"{odd} " in shown(likeliest_table(prediction))
        many = shown(predictions_table([prediction, prediction]))
        assert f"id {odd}" in many
        assert f" {odd} " in many


def test_enrolled_speakers(odd: str, shown: Callable[[Table], str]) -> None:
    enrolment = Enrolment(speaker=odd, recordings=(f"{odd}.wav",), joined=False)
    text = shown(candidates_table(Identification((Candidate(enrolment, 0.5),), "cosine", None)))
    assert f"{odd} " in text
    assert f": {odd}.wav" in text


def test_lines_and_stages_of_a_bar(odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal that shows bars
    monkeypatch.setenv("TERM", "xterm")
    console, said = terminal(), StringIO()
    console.file = said
    with bar(console, "files") as stages:
        stages.set(odd, 1, 2)
    assert f" {odd} " in said.getvalue()
    console.print(odd)
    assert said.getvalue().endswith(f"{odd}\n")


def test_predictions_in_chinese(shown: Callable[[Table], str]) -> None:
    certain = np.array([[0.1, 0.9]], dtype=np.float32)
    said = np.ones(202, np.int64)
    said[::2] = 0
    spec = FeatureSpec(kind="other", dim=2)
    frames = FramePrediction("x", np.repeat(certain, 202, 0), said, ("SIL", "AA"), spec)
    speaker = SpeakerPrediction("x", certain, ("a", "b"))
    with speaking("zh"):
        text = shown(segments_table(frames))
        for told in ("音素", "機率", "0.01 秒", "另有 2 筆"):
            assert told in text
        assert "語者" in shown(likeliest_table(speaker))
        assert "語者" in shown(predictions_table([speaker, speaker]))
    assert "speaker" in shown(likeliest_table(speaker))
