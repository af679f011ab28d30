"""From frames and speakers to a name, a submission and a score."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from bossline import api
from bossline.core.errors import UserError
from bossline.data.features.spec import FeatureSpec
from bossline.data.header import Source
from bossline.data.packed import Corpus
from bossline.data.splits import SplitConfig, split_corpus
from bossline.data.store import pack_path, register
from bossline.data.writer import writing
from bossline.recipes import load_recipe
from bossline.runs import engine
from bossline.runs.run import Run
from bossline.tasks.speaker.prediction import SpeakerPrediction
from bossline.training.signals import Interrupted
from tests.conftest import SPEAKERS, over, train_on_voices


@pytest.mark.parametrize(
    "head", ["{kind: linear}", "{kind: am-softmax, scale: 10}", "{kind: aam-softmax, scale: 10}"]
)
def test_learns_scores_and_submits(voices: Corpus, tmp_path: Path, head: str) -> None:
    run = train_on_voices(f"model.head={head}")
    assert run.info.classes == SPEAKERS
    scores = run.scores["test"]
    assert scores.score.value > 0.8  # chance is 0.25
    assert (scores.unit, scores.count) == ("utterances", 8)
    predictions = {p.id: p for p in api.predict(run, "test")}
    for id, right in zip(scores.ids, scores.sums, strict=True):
        found = predictions[id]
        assert isinstance(found, SpeakerPrediction)
        true = SPEAKERS[voices.speakers[voices.ids.index(id)]]
        assert (found.name == true) == bool(right)
        assert float(found.outputs.sum()) == pytest.approx(1, abs=1e-5)

    assert api.submit(run, tmp_path / "p.csv") == 5
    rows = list(csv.reader((tmp_path / "p.csv").open()))
    assert rows[0] == ["Id", "Category"]
    assert [id for id, _ in rows[1:]] == [f"u{number}.pt" for number in range(80, 85)]
    # The unknown ones speak in the same voices, in turn.
    named = [name for _, name in rows[1:]]
    assert sum(map(str.__eq__, named, (*SPEAKERS, SPEAKERS[0]))) >= 4


def train_committee(*overrides: str, run: str) -> Run:
    """Two networks and the floor's LDA."""
    member = "kind: speaker, encoder: {kind: rnn, width: 12, depth: 1}, embedding: 8, head: %s"
    networks = [member % f"{{kind: {kind}}}" for kind in ("mlp", "linear")]
    members = "}, {".join([*networks, "kind: speaker-lda, shrinkage: 0.5"])
    small = (
        "epochs=3",
        "augment=null",
        "batches={kind: segments, frames: 12, size: 16, valid_every: 30}",
        f"model={{kind: committee, members: [{{{members}}}]}}",
        "optimiser.lr=1e-2",
    )
    return api.train(
        "speaker/boss", "voices", over(small, *overrides), run=run, device="cpu", threads=1,
        console=Console(quiet=True),
    )  # fmt: skip


def test_a_committee_learns_and_resumes_as_one_model(
    voices: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*arguments: object) -> None:
        raise KeyboardInterrupt

    whole = train_committee(run="runs/whole")
    assert whole.scores["test"].score.value > 0.8  # chance is 0.25
    with monkeypatch.context() as patch:
        patch.setattr(engine, "_score", crash)
        with pytest.raises(Interrupted, match="while scoring"):
            train_committee(run="runs/cut")
    cut = api.resume("runs/cut", console=Console(quiet=True))
    assert cut.best_weights.read_bytes() == whole.best_weights.read_bytes()

    floor = api.train(
        "speaker/floor", "voices", ["model.shrinkage=0.5", "split.validation=0.02"],
        run="runs/floor", device="cpu", threads=1, console=Console(quiet=True),
    )  # fmt: skip
    alone, together = load_file(floor.best_weights), load_file(whole.best_weights)
    for key, fitted in alone.items():
        torch.testing.assert_close(together[f"members.2.{key}"], fitted)


@pytest.mark.parametrize("averaging", ["null", "{kind: ema, decay: 0.9}"])
def test_a_committee_trains_where_lda_has_not_heard_every_speaker(
    voices: Corpus, averaging: str
) -> None:
    """Its infinitely unlikely classes are no weights that diverged."""
    run = train_committee("split.unheard=0.5", f"averaging={averaging}", run="runs/unheard")
    assert run.scores["test"].score.value > 0.8  # chance is 0.5
    weights = load_file(run.best_weights)
    assert all(bool(tensor.isfinite().all()) for tensor in weights.values())


def test_the_epoch_of_least_validation_loss_is_kept(voices: Corpus) -> None:
    run = train_on_voices("epochs=4", "optimiser.lr=3e-2", "schedule={kind: constant}")
    epochs = [r for r in run.metrics() if r["kind"] == "epoch"]
    losses = [epoch["validation_loss"] for epoch in epochs]
    accuracies = [epoch["validation_accuracy"] for epoch in epochs]
    assert run.info.best_epoch == 1 + int(np.argmin(losses))
    assert run.info.best_epoch != 1 + int(np.argmax(accuracies))  # so the test can fail


def test_an_utterance_alone_gets_what_it_gets_among_others(voices: Corpus, tmp_path: Path) -> None:
    run = train_on_voices()
    first = api.predict(run, "test")[0]
    np.save(tmp_path / "alone.npy", voices.frames(voices.ids.index(first.id)))
    (alone,) = api.predict(run, tmp_path / "alone.npy")
    np.testing.assert_allclose(alone.outputs, first.outputs, atol=1e-5)


def test_views_average_log_probabilities(voices: Corpus, tmp_path: Path) -> None:
    run = train_on_voices("batches.views=3")
    long = next(u for u in range(len(voices)) if voices.lengths[u] > 30)
    frames = voices.frames(long)
    np.save(tmp_path / "whole.npy", frames)
    (averaged,) = api.predict(run, tmp_path / "whole.npy")
    slack = len(frames) - 12
    logs = []
    for start in (0, slack // 2, slack):
        np.save(tmp_path / "view.npy", frames[start : start + 12])
        (view,) = api.predict(run, tmp_path / "view.npy")
        logs.append(np.log(view.outputs[0]))
    expected = np.exp(np.mean(logs, axis=0))
    np.testing.assert_allclose(averaged.outputs[0], expected / expected.sum(), atol=1e-5)


def test_resuming_is_exact(voices: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*arguments: object) -> None:
        raise KeyboardInterrupt

    whole = train_on_voices("model.head={kind: am-softmax}")
    with monkeypatch.context() as patch:
        patch.setattr(engine, "_score", crash)
        with pytest.raises(Interrupted, match="while scoring"):
            train_on_voices("model.head={kind: am-softmax}", run="runs/cut")
    cut = api.resume("runs/cut", console=Console(quiet=True))
    assert cut.best_weights.read_bytes() == whole.best_weights.read_bytes()


def test_each_speakers_share_is_held_out_and_folds_cover_all(voices: Corpus) -> None:
    known = voices.speakers >= 0
    tested: list[int] = []
    for fold in range(10):
        split = split_corpus(voices, SplitConfig(by="each-speaker", fold=fold), known)
        assert sorted(np.concatenate(list(split.values()))) == list(range(80))
        tested += split["test"].tolist()
        for part, share in (("test", 2), ("validation", 2), ("train", 16)):
            counts = np.bincount(voices.speakers[split[part]], minlength=4)
            assert abs(counts - share).max() <= 1
    assert sorted(tested) == list(range(80))


def test_a_corpus_without_speakers_is_refused(home: Path) -> None:
    path = pack_path("6" * 64)
    with writing(
        path,
        features=FeatureSpec(kind="other", dim=5),
        classes=("a",),
        source=Source(reader="test", path="test"),
    ) as writer:
        writer.add("x", np.zeros((4, 5)), part="train", labels=np.zeros(4))
    register("voices", path)
    with pytest.raises(UserError, match="has no speakers: nothing to train on"):
        train_on_voices()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("smoothing={kind: median}", "smoothing: not for this task"),
        ("objective.label_smoothing=0.1", "set model.head"),
        ("batches={kind: utterances}", "batches.kind: no kind 'utterances'"),
        ("task=phoneme", "model.kind: no kind 'speaker'"),
        ("split.by=speaker", r"set split\.by=each-speaker, and split\.unheard=0\.1"),
    ],
)
def test_parts_that_do_not_fit_are_refused(override: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_recipe("speaker/simple", [override])
