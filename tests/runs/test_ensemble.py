"""Several runs that answer together, and smoothed answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy.special import log_softmax, softmax

from bossline import api
from bossline.core.errors import UserError
from bossline.data.packed import Corpus
from bossline.data.splits import split_corpus
from bossline.recipes import load_recipe
from bossline.runs.run import Run
from bossline.tasks.phoneme.pictures import example_of
from bossline.tasks.smoothing.viterbi import ViterbiConfig
from tests.conftest import frame_labels_of, over, write_toy

FAST = ("epochs=2", "batches.size=64", "model.width=8", "optimiser.lr=1e-2")


def train(name: str, *overrides: str, corpus: str = "toy") -> Run:
    return api.train(
        "phoneme/simple", corpus, over(FAST, *overrides), run=name, device="cpu", threads=1,
        console=Console(quiet=True),
    )  # fmt: skip


@pytest.fixture
def two(toy: Corpus) -> list[Run]:
    return [train("runs/a"), train("runs/b", "seed=2", "batches.frames=3", "model.width=16")]


def test_an_ensemble_averages_log_probabilities(toy: Corpus, two: list[Run]) -> None:
    alone = [api.predict(run, "test") for run in two]
    for together, *parts in zip(api.predict(two, "test"), *alone, strict=True):
        logs = [log_softmax(np.log(np.float64(p.outputs)), axis=1) for p in parts]
        expected = softmax(np.mean(logs, axis=0), axis=1)
        np.testing.assert_allclose(together.outputs, expected, atol=1e-6)
        assert frame_labels_of(together).tolist() == expected.argmax(1).tolist()


def test_an_ensemble_is_scored_without_touching_its_runs(toy: Corpus, two: list[Run]) -> None:
    before = [run.path.joinpath("scores.json").read_bytes() for run in two]
    scores = api.evaluate(two)
    right = [
        int((frame_labels_of(p) == toy.frame_labels(toy.ids.index(p.id))).sum())
        for p in api.predict(two, "test")
    ]
    assert right == list(scores["test"].sums)
    assert [run.path.joinpath("scores.json").read_bytes() for run in two] == before


def test_an_ensemble_submits(toy: Corpus, two: list[Run], tmp_path: Path) -> None:
    rows = api.submit(two, tmp_path / "p.csv")
    labels = np.loadtxt(tmp_path / "p.csv", delimiter=",", skiprows=1, dtype=int)[:, 1]
    assert rows == len(labels)
    assert labels.tolist() == np.concatenate(
        [frame_labels_of(p) for p in api.predict(two, "unlabelled")]
    ).tolist()  # fmt: skip


def test_runs_that_were_split_in_other_ways_do_not_share_a_test_set(toy: Corpus) -> None:
    runs = [train("runs/a"), train("runs/b", "split.seed=7")]
    with pytest.raises(UserError, match="split in another way"):
        api.evaluate(runs)
    with pytest.raises(UserError, match="split in another way"):
        api.predict(runs, "test")
    assert len(api.predict(runs, "unlabelled")) == 4


def test_runs_on_corpora_of_other_classes_do_not_go_together(toy: Corpus, two: list[Run]) -> None:
    info = two[1].info.model_copy(update={"classes": (*two[1].info.classes[:-1], "X")})
    two[1].info = info
    with pytest.raises(UserError, match="other classes"):
        api.predict(two, "test")


def test_runs_on_other_corpora_do_not_share_a_test_set(toy: Corpus) -> None:
    write_toy("1" * 64, seed=5, name="other")
    runs = [train("runs/a"), train("runs/b", corpus="other")]
    with pytest.raises(UserError, match="split in another way"):
        api.evaluate(runs)


def test_no_run_at_all() -> None:
    with pytest.raises(UserError, match="at least one run"):
        api.evaluate([])


def test_a_recipes_smoother_decides_and_is_kept(toy: Corpus) -> None:
    run = train("runs/a", "smoothing.kind=viterbi", "smoothing.weight=0.5")
    splits = split_corpus(toy, load_recipe("phoneme/simple").split)
    smoother = ViterbiConfig(weight=0.5).fit(
        [toy.frame_labels(int(u)) for u in splits["train"]], len(toy.header.classes)
    )
    for split in ("validation", "test"):
        correct, frame_by_frame = [], []
        for p in api.predict(run, split):
            true = toy.frame_labels(toy.ids.index(p.id))
            path = smoother.path(p.outputs, np.array([len(true)]))
            assert frame_labels_of(p).tolist() == path.tolist()
            correct.append(int((path == true).sum()))
            frame_by_frame.append(int((p.outputs.argmax(1) == true).sum()))
        assert list(run.scores[split].sums) == correct
        assert list(run.scores[f"{split}, unsmoothed"].sums) == frame_by_frame
    raw = api.predict(run, "test", smoothing="none")
    assert all(frame_labels_of(p).tolist() == p.outputs.argmax(1).tolist() for p in raw)
    example = example_of(run)
    assert example is not None
    assert example.smoothed
    shown = next(p for p in api.predict(run, "test") if p.id == example.id)
    assert example.predicted.tolist() == frame_labels_of(shown).tolist()
    np.testing.assert_allclose(example.posteriors, shown.outputs, atol=1e-3)


def test_another_smoother_on_request_leaves_the_scores_alone(toy: Corpus) -> None:
    run = train("runs/a")
    before = dict(run.scores)
    scores = api.evaluate(run, smoothing="viterbi")
    assert scores["test, unsmoothed"].sums == before["test"].sums
    assert scores["test"].sums != before["test"].sums
    assert Run(run.path).scores == before


def test_lost_tables_are_named_and_made_again(toy: Corpus) -> None:
    run = train("runs/a", "smoothing.kind=viterbi")
    tables = run.path / "smoothing.safetensors"
    whole = tables.read_bytes()
    for damaged in (whole[: len(whole) // 2], None):
        tables.unlink()
        if damaged is not None:
            tables.write_bytes(damaged)
        with pytest.raises(
            UserError,
            match=r"smoothing\.safetensors is (missing|damaged).*'bossline evaluate runs/a'",
        ):
            api.predict(run, "test")
        if damaged is None:
            api.evaluate(run)
            assert tables.read_bytes() == whole


def test_runs_of_other_tasks_do_not_go_together(speaker_run: Run) -> None:
    write_toy("0" * 64)
    with pytest.raises(UserError, match="are of different tasks"):
        api.evaluate([train("runs/frames"), speaker_run])
