"""Models that are fitted, from a recipe to a scored run."""

from __future__ import annotations

import csv
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import Tensor

from bossline import api, cli
from bossline import api as verification
from bossline.core.runtime import Runtime
from bossline.data.packed import Corpus
from bossline.recipes import Recipe, load_recipe
from bossline.reports.page import write_report
from bossline.runs.run import Run
from bossline.tasks import lesson_of
from bossline.tasks.phoneme.task import PhonemeLesson
from bossline.training.signals import Interrupted
from tests.conftest import CLASSES, SPEAKERS, write_speakers

QUIET = Console(quiet=True)
LDA = """
task: phoneme
about: LDA of frames.
batches: {kind: windows, frames: 3}
model: {kind: lda}
"""

Once = Callable[[PhonemeLesson], Iterator[tuple[Any, Tensor]]]


@pytest.fixture
def manners(home: Path) -> Corpus:
    """Four speakers of 20 utterances each, in whom dimensions go together in other ways.

    An utterance's level says nothing. 5 more are of unknown speakers.
    """
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(len(SPEAKERS), 4, 4))
    utterances = []
    for number in range(85):
        noise = rng.normal(size=(int(rng.integers(20, 60)), 4))
        utterances.append(noise @ mixing[number % len(SPEAKERS)] + 10 * rng.normal(size=4))
    return write_speakers("manners", "8", 4, utterances)


def fit_frames(*overrides: str, run: str = "runs/lda") -> Run:
    Path("lda.yaml").write_text(LDA)
    return train("lda.yaml", "toy", *overrides, run=run)


def fit_voices(*overrides: str, run: str = "runs/floor") -> Run:
    return train("speaker/floor", "manners", *overrides, run=run)


def train(recipe: str, corpus: str, *overrides: str, run: str) -> Run:
    return api.train(recipe, corpus, overrides, run=run, device="cpu", threads=1, console=QUIET)


def weights_and_scores(run: Run) -> tuple[bytes, bytes]:
    return run.best_weights.read_bytes(), (run.path / "scores.json").read_bytes()


def test_frames_are_learnt_scored_and_told(toy: Corpus, tmp_path: Path) -> None:
    run = fit_frames()
    assert (run.info.state, run.info.best_epoch) == ("finished", None)
    scores = run.scores["test"]
    assert scores.score.value > 0.6  # five classes: chance is about 0.2
    assert not run.checkpoint.exists()
    assert run.metrics() == []
    assert api.evaluate(run)["test"] == scores
    predicted = api.predict(run, "test")
    assert [p.id for p in predicted] == [toy.ids[u] for u in toy_test(run)]
    frames = int(toy.lengths[30:].sum())  # the unlabelled ones
    assert api.submit(run, tmp_path / "p.csv") == frames
    rows = list(csv.reader((tmp_path / "p.csv").open()))
    assert rows[0] == ["Id", "Class"]
    assert {int(row[1]) for row in rows[1:]} <= set(range(len(CLASSES)))


def toy_test(run: Run) -> list[int]:
    task = lesson_of(run.recipe, run.corpus(), Runtime.choose("cpu", 1))
    return [int(u) for u in task.splits["test"]]


def test_a_smoother_takes_its_posteriors(toy: Corpus) -> None:
    run = fit_frames("smoothing={kind: viterbi}", "model.shrinkage=0.1")
    assert {"test", "test, unsmoothed"} <= set(run.scores)
    assert run.scores["test"].score.value > 0.6


def test_voices_are_learnt_scored_and_verified(manners: Corpus, tmp_path: Path) -> None:
    run = fit_voices()
    assert run.info.classes == SPEAKERS
    scores = run.scores["test"]
    assert scores.score.value > 0.8  # chance is 0.25
    assert (scores.unit, scores.count) == ("utterances", 8)
    assert api.evaluate(run)["test"] == scores
    assert len(api.predict(run, "test")) == 8
    assert api.submit(run, tmp_path / "p.csv") == 5

    found = verification.embed(run, ["test"])
    assert found.vectors.shape == (8, len(SPEAKERS) - 1)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-5)
    speakers = manners.speakers[[manners.ids.index(id) for id in found.ids]]
    cosines = found.vectors @ found.vectors.T
    same = speakers[:, None] == speakers
    assert cosines[same].mean() > cosines[~same].mean() + 0.5
    first, second = found.ids[:2]
    assert verification.verify(run, first, second).cosine == pytest.approx(
        float(cosines[0, 1]), abs=1e-5
    )


def test_a_report_has_no_training_curves(toy: Corpus, manners: Corpus) -> None:
    frames, voices = fit_frames(), fit_voices()
    small = ("epochs=1", "batches.size=64", "model.width=8")
    trained = train("phoneme/simple", "toy", *small, run="runs/trained")
    for runs in ([frames], [voices], [frames, trained]):
        page = write_report(runs, Path("report.html")).read_text(encoding="utf-8")
        for run in runs:
            assert run.recipe.name in page
        for curve in ("Accuracy and loss per epoch", "Learning rate per step"):
            assert (curve in page) == (trained in runs)


@pytest.mark.parametrize("name", ["lda.yaml", "speaker/floor"])
def test_once_is_the_training_split_as_training_sees_it(
    toy: Corpus, manners: Corpus, name: str
) -> None:
    Path("lda.yaml").write_text(LDA)
    recipe: Recipe = load_recipe(name)
    corpus = toy if recipe.task == "phoneme" else manners
    task = lesson_of(recipe, corpus, Runtime.choose("cpu", 1))
    labels = torch.cat([labels for _, labels in task.once()]).numpy()
    assert len(labels) == len(task.training)
    np.testing.assert_array_equal(np.sort(labels), np.sort(task.truth("train").array))


def interrupted_once(stop: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first pass over the data calls `stop` after its first batch; later ones do not."""
    once: Once = PhonemeLesson.once
    passes = 0

    def interrupted(self: PhonemeLesson) -> Iterator[tuple[Any, Tensor]]:
        nonlocal passes
        passes += 1
        for number, batch in enumerate(once(self)):
            if passes == 1 and number == 0:
                stop()
            yield batch

    monkeypatch.setattr(PhonemeLesson, "once", interrupted)


def crash() -> None:
    raise KeyboardInterrupt


def test_a_crash_in_the_middle_and_a_second_attempt(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = weights_and_scores(fit_frames())
    interrupted_once(crash, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        fit_frames(run="runs/cut")
    cut = Run("runs/cut")
    assert cut.info.state == "training"
    assert not cut.best_weights.exists()
    resumed = api.resume("runs/cut", console=QUIET)
    assert weights_and_scores(resumed) == whole
    assert resumed.info.state == "finished"


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_like_a_training(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch, signum: signal.Signals
) -> None:
    whole = weights_and_scores(fit_frames())
    interrupted_once(lambda: os.kill(os.getpid(), signum), monkeypatch)
    with pytest.raises(Interrupted, match="--resume runs/cut"):
        fit_frames(run="runs/cut")
    assert weights_and_scores(api.resume("runs/cut", console=QUIET)) == whole


def test_ctrl_c_in_the_terminal_is_one_line_and_exit_code_130(
    toy: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("lda.yaml").write_text(LDA)
    interrupted_once(lambda: os.kill(os.getpid(), signal.SIGINT), monkeypatch)
    command = "bossline train lda.yaml --corpus toy --run runs/cut --device cpu --threads 1"
    monkeypatch.setattr(sys, "argv", command.split())
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130
    said = "stopped while fitting; begin again with: bossline train --resume runs/cut\n"
    assert capsys.readouterr().err == said


def test_a_saved_recipe_repeats_the_run(manners: Corpus) -> None:
    first = fit_voices("model.lags=[0, 1]", "model.shrinkage=0.5")
    again = train(str(first.path / "recipe.yaml"), "manners", run="runs/again")
    assert weights_and_scores(again) == weights_and_scores(first)
